using System.Runtime.InteropServices;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Storage.Sources;

namespace Sluice.Bench;

/// <summary>A blob of uncompressed chunks whose bytes are their own position.</summary>
/// <param name="delay">How long a request takes; null: no time.</param>
internal sealed class MemorySource(int chunkCount, int chunkSize, string name = "memory", Func<TimeSpan>? delay = null) : IBlobSource
{
    public string Name => name;

    public ChunkDecoder NewDecoder()
    {
        byte[] content = new byte[chunkSize];
        ChunkInfo[] chunks = new ChunkInfo[chunkCount];
        for (int number = 0; number < chunks.Length; number++)
        {
            long offset = (long)number * chunkSize;
            Fill(offset, content);
            chunks[number] = new ChunkInfo
            {
                CompressedOffset = offset,
                CompressedSize = chunkSize,
                UncompressedOffset = offset,
                UncompressedSize = chunkSize,
                Digest = ChunkDigest.Compute(DigestAlgorithm.Blake3, content),
            };
        }

        long length = (long)chunkCount * chunkSize;
        RafsBlob blob = new() { Id = new string('b', 64), Compressor = Compressor.None, UncompressedSize = length, CompressedSize = length, ChunkCount = chunkCount };
        return new ChunkDecoder(blob, chunks);
    }

    public async Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        if (delay is not null) await Task.Delay(delay(), cancellation);
        Fill(offset, destination.Span);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static void Fill(long offset, Span<byte> destination)
    {
        Span<long> words = MemoryMarshal.Cast<byte, long>(destination);
        for (int index = 0; index < words.Length; index++) words[index] = offset + (index * 8L);
    }
}
