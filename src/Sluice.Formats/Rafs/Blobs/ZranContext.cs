using System.Buffers.Binary;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>
/// A point in a gzip stream where inflation can start, and how far it goes. Contexts overlap in input and output: one ends
/// with the last chunk that began in it.
/// </summary>
/// <remarks>
/// <code>
/// 0   8  offset of the first whole input byte
/// 8   8  offset of the output in the uncompressed stream
/// 16  8  offset of the dictionary in the dictionary area
/// 24  4  input bytes
/// 28  4  output bytes
/// 32  4  dictionary bytes, at most 32 KiB; 0 at the start of a gzip member
/// 36  1  the byte before the input, of which the upper bits still belong to it
/// 37  1  how many of its bits, 0..7
/// </code>
/// </remarks>
public readonly record struct ZranContext
{
    internal const int Size = 40;

    public required long InputOffset { get; init; }

    public required int InputLength { get; init; }

    public required long OutputOffset { get; init; }

    public required int OutputLength { get; init; }

    public long DictionaryOffset { get; init; }

    public int DictionaryLength { get; init; }

    public byte PendingByte { get; init; }

    public byte PendingBits { get; init; }

    internal static ZranContext Read(ReadOnlySpan<byte> context)
    {
        ulong input = BinaryPrimitives.ReadUInt64LittleEndian(context);
        ulong output = BinaryPrimitives.ReadUInt64LittleEndian(context[8..]);
        ulong dictionary = BinaryPrimitives.ReadUInt64LittleEndian(context[16..]);
        uint inputLength = BinaryPrimitives.ReadUInt32LittleEndian(context[24..]);
        uint outputLength = BinaryPrimitives.ReadUInt32LittleEndian(context[28..]);
        uint dictionaryLength = BinaryPrimitives.ReadUInt32LittleEndian(context[32..]);
        if (input > RafsBlobLimits.MaxCompressedSize || output > RafsBlobLimits.MaxUncompressedSize ||
            inputLength > RafsBlobLimits.MaxContextSize || outputLength > RafsBlobLimits.MaxContextSize)
        {
            throw new InvalidFormatException("nydus chunk info", $"a zran context of {inputLength} bytes at {input} for {outputLength} at {output}");
        }

        if (dictionary > RafsBlobLimits.MaxMetadataSize || dictionaryLength > RafsBlobLimits.MaxDictionarySize)
        {
            throw new InvalidFormatException("nydus chunk info", $"a zran dictionary of {dictionaryLength} bytes at {dictionary}");
        }

        return new ZranContext
        {
            InputOffset = (long)input,
            InputLength = (int)inputLength,
            OutputOffset = (long)output,
            OutputLength = (int)outputLength,
            DictionaryOffset = (long)dictionary,
            DictionaryLength = (int)dictionaryLength,
            PendingByte = context[36],
            PendingBits = (byte)(context[37] & 7),
        };
    }

    internal void Write(Span<byte> context)
    {
        context[..Size].Clear();
        BinaryPrimitives.WriteInt64LittleEndian(context, InputOffset);
        BinaryPrimitives.WriteInt64LittleEndian(context[8..], OutputOffset);
        BinaryPrimitives.WriteInt64LittleEndian(context[16..], DictionaryOffset);
        BinaryPrimitives.WriteInt32LittleEndian(context[24..], InputLength);
        BinaryPrimitives.WriteInt32LittleEndian(context[28..], OutputLength);
        BinaryPrimitives.WriteInt32LittleEndian(context[32..], DictionaryLength);
        context[36] = PendingByte;
        context[37] = PendingBits;
    }
}
