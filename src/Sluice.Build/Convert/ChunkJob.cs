using Sluice.Formats.Hashing;

namespace Sluice.Build.Convert;

/// <summary>One chunk on its way from the tar to the blob. Recycled: buffers live as long as the conversion.</summary>
internal sealed class ChunkJob(int chunkSize, int compressedCapacity)
{
    private readonly byte[] _plain = GC.AllocateUninitializedArray<byte>(chunkSize);
    private readonly byte[] _compressed = GC.AllocateUninitializedArray<byte>(compressedCapacity);

    /// <summary>Bytes of <see cref="Buffer"/> that are the chunk.</summary>
    public int Length { get; set; }

    public ChunkDigest Digest { get; set; }

    public uint Crc32 { get; private set; }

    /// <summary>Room for one chunk.</summary>
    public Span<byte> Buffer => _plain;

    public ReadOnlySpan<byte> Plain => _plain.AsSpan(0, Length);

    /// <summary>What goes into the blob: the compressed chunk, or the plain one where compression would not make it smaller.</summary>
    public ReadOnlyMemory<byte> Stored { get; private set; }

    public Exception? Failure { get; private set; }

    /// <summary>Released once when the job has been compressed.</summary>
    public SemaphoreSlim Done { get; } = new(0, 1);

    public void Compress(ChunkCompression compression)
    {
        try
        {
            int length = compression.Compress(Plain, _compressed);
            Stored = length >= 0 ? _compressed.AsMemory(0, length) : _plain.AsMemory(0, Length);
            Crc32 = Crc32C.Compute(Plain);
            Failure = null;
        }
        catch (Exception exception)
        {
            Failure = exception;
        }

        Done.Release();
    }
}
