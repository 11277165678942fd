using Sluice.Formats.Hashing;

namespace Sluice.Build.Convert;

/// <summary>One chunk on its way from the tar to the blob.</summary>
internal sealed class ChunkJob(ChunkCompression compression, int chunkSize) : PipelineJob
{
    private readonly byte[] _plain = GC.AllocateUninitializedArray<byte>(chunkSize);
    private readonly byte[] _compressed = GC.AllocateUninitializedArray<byte>(compression.Capacity(chunkSize));

    /// <summary>Bytes of <see cref="Buffer"/> that are the chunk.</summary>
    public int Length { get; set; }

    public ChunkDigest Digest { get; set; }

    /// <summary>Its place in the order of a start, or <see cref="StartOrder.None"/>.</summary>
    public int Rank { get; set; }

    public uint Crc32 { get; private set; }

    /// <summary>Room for one chunk.</summary>
    public Span<byte> Buffer => _plain;

    public ReadOnlySpan<byte> Plain => _plain.AsSpan(0, Length);

    /// <summary>What goes into the blob: the compressed chunk, or the plain one where compression would not make it smaller.</summary>
    public ReadOnlyMemory<byte> Stored { get; private set; }

    protected override void Work()
    {
        int length = compression.Compress(Plain, _compressed, isOfStart: Rank != StartOrder.None);
        Stored = length >= 0 ? _compressed.AsMemory(0, length) : _plain.AsMemory(0, Length);
        Crc32 = Crc32C.Compute(Plain);
    }
}
