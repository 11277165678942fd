using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Storage.Sources;

namespace Sluice.Bench;

/// <summary>A blob of zstd chunks in memory, of text-like content that compresses to about a third.</summary>
internal sealed class CompressedSource : IBlobSource
{
    private readonly byte[] _blob;
    private readonly ChunkInfo[] _chunks;
    private readonly int _chunkSize;

    public CompressedSource(int chunkCount, int chunkSize)
    {
        Random random = new(1);
        byte[][] words = [.. Enumerable.Range(0, 4096).Select(_ => new byte[random.Next(3, 9)])];
        foreach (byte[] word in words) random.NextBytes(word);
        byte[] content = new byte[chunkSize], compressed = new byte[ChunkCodec.MaxCompressedLength(Compressor.Zstd, chunkSize)];
        MemoryStream blob = new();
        _chunks = new ChunkInfo[chunkCount];
        _chunkSize = chunkSize;
        for (int number = 0; number < chunkCount; number++)
        {
            for (int at = 0; at < content.Length;)
            {
                byte[] word = words[(int)(random.NextDouble() * random.NextDouble() * words.Length)];
                int length = Math.Min(word.Length, content.Length - at);
                word.AsSpan(0, length).CopyTo(content.AsSpan(at));
                at += length;
            }

            int size = ChunkCodec.Compress(Compressor.Zstd, content, compressed);
            _chunks[number] = new ChunkInfo
            {
                CompressedOffset = blob.Length,
                CompressedSize = size,
                UncompressedOffset = (long)number * chunkSize,
                UncompressedSize = chunkSize,
                Digest = ChunkDigest.Compute(DigestAlgorithm.Blake3, content),
                Flags = ChunkFlags.Compressed,
            };
            blob.Write(compressed, 0, size);
        }

        _blob = blob.ToArray();
    }

    public string Name => "memory";

    public ChunkDecoder NewDecoder()
    {
        RafsBlob blob = new() { Id = new string('c', 64), Compressor = Compressor.Zstd, UncompressedSize = (long)_chunks.Length * _chunkSize, CompressedSize = _blob.Length, ChunkCount = _chunks.Length };
        return new ChunkDecoder(blob, _chunks);
    }

    public Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        _blob.AsMemory((int)offset, destination.Length).CopyTo(destination);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
