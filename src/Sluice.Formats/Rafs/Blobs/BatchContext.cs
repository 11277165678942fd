using System.Buffers.Binary;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>One batch: several small chunks that were compressed together. It starts at the compressed offset of its members.</summary>
/// <param name="CompressedSize">Bytes in the blob; equal to <paramref name="UncompressedSize"/> when the batch is stored uncompressed.</param>
/// <param name="UncompressedSize">Bytes of all members, packed without alignment.</param>
/// <remarks>40 bytes: the two sizes as u32, then 32 reserved.</remarks>
public readonly record struct BatchContext(int CompressedSize, int UncompressedSize)
{
    internal const int Size = 40;

    internal static BatchContext Read(ReadOnlySpan<byte> context)
    {
        uint compressed = BinaryPrimitives.ReadUInt32LittleEndian(context);
        uint uncompressed = BinaryPrimitives.ReadUInt32LittleEndian(context[4..]);
        if (compressed > RafsBlobLimits.MaxContextSize || uncompressed > RafsBlobLimits.MaxContextSize)
        {
            throw new InvalidFormatException("nydus chunk info", $"a batch of {compressed} bytes that holds {uncompressed}");
        }

        return new BatchContext((int)compressed, (int)uncompressed);
    }

    internal void Write(Span<byte> context)
    {
        context[..Size].Clear();
        BinaryPrimitives.WriteInt32LittleEndian(context, CompressedSize);
        BinaryPrimitives.WriteInt32LittleEndian(context[4..], UncompressedSize);
    }
}
