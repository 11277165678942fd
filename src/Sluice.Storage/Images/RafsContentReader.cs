using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Formats.Trees;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Images;

/// <summary>
/// Reads file contents of a remote RAFS image in order, without a cache: for commands that look at an image or unpack it. Fetches
/// windows of a blob, so that files that lie behind one another cost one ranged read. Verified. Not for concurrent use.
/// </summary>
/// <param name="window">Bytes that one fetch asks for where the blob has them; 0 fetches only what the file needs.</param>
public sealed class RafsContentReader(RemoteRafsImage image, int window = 0)
{
    private readonly ChunkDecoder?[] _decoders = new ChunkDecoder?[image.Image.Blobs.Count];
    private readonly Window[] _windows = [.. image.Image.Blobs.Select(_ => new Window())];
    private byte[] _plain = [];

    /// <summary>Compressed bytes fetched so far.</summary>
    public long BytesFetched { get; private set; }

    /// <summary>Where the content of <paramref name="file"/> starts in its blob, to sort files by; files without content come first.</summary>
    public static (int Blob, int Chunk) OrderOf(Inode file) => file.Chunks.Count == 0 ? (-1, 0) : (file.Chunks[0].Blob, file.Chunks[0].Chunk);

    /// <summary>Gives the content of a regular file to <paramref name="sink"/>, piece by piece in order.</summary>
    /// <exception cref="SluiceException">The source failed, or a chunk is corrupt: the message names the blob.</exception>
    public async Task ReadAsync(Inode file, Func<ReadOnlyMemory<byte>, ValueTask> sink, CancellationToken cancellation)
    {
        long left = file.Size;
        foreach (ChunkReference reference in file.Chunks)
        {
            ReadOnlyMemory<byte> chunk = await ReadChunkAsync(reference, cancellation);
            if (chunk.Length > left) chunk = chunk[..(int)left];
            left -= chunk.Length;
            await sink(chunk);
        }

        if (left != 0) throw new InvalidFormatException("rafs", $"a file of {file.Size} bytes has chunks for {file.Size - left} only");
    }

    /// <summary>Reads and verifies one chunk. The memory is valid until the next call.</summary>
    public async Task<ReadOnlyMemory<byte>> ReadChunkAsync(ChunkReference reference, CancellationToken cancellation)
    {
        ChunkDecoder decoder = _decoders[reference.Blob] ??= await OpenAsync(reference.Blob, cancellation);
        (long offset, int length) = decoder.GetCompressedRange(reference.Chunk);
        ReadOnlyMemory<byte> compressed = await FetchAsync(reference.Blob, offset, length, cancellation);
        int size = decoder[reference.Chunk].UncompressedSize;
        if (_plain.Length < size) _plain = GC.AllocateUninitializedArray<byte>(Math.Max(size, image.Image.ChunkSize));
        Memory<byte> plain = _plain.AsMemory(0, size);
        decoder.Decode(reference.Chunk, compressed.Span, plain.Span);
        if (decoder.Verify(reference.Chunk, plain.Span) == ChunkVerdict.Corrupt)
        {
            throw new SluiceException(SluiceError.Image, image.Source.Store.Name, $"chunk {reference.Chunk} of blob {decoder.Blob.Id} does not match its digest", "the registry holds damaged data: push the image again");
        }

        return plain;
    }

    private async Task<ReadOnlyMemory<byte>> FetchAsync(int blob, long offset, int length, CancellationToken cancellation)
    {
        Window held = _windows[blob];
        if (offset < held.Start || offset + length > held.Start + held.Length)
        {
            long end = Math.Max(offset + length, Math.Min(offset + window, EndOfData(image.Image.Blobs[blob])));
            int size = (int)(end - offset);
            if (held.Buffer.Length < size) held.Buffer = GC.AllocateUninitializedArray<byte>(size);
            held.Length = 0;
            await image.Source.Store.ReadAsync(RemoteRafsImage.DigestOf(image.Image.Blobs[blob]), offset, held.Buffer.AsMemory(0, size), cancellation);
            BytesFetched += size;
            held.Start = offset;
            held.Length = size;
        }

        return held.Buffer.AsMemory((int)(offset - held.Start), length);
    }

    private long EndOfData(RafsBlob blob) => blob.Features.HasFlag(BlobFeatures.Separate) || blob.ChunkInfoOffset == 0
        ? image.Image.Chunks[image.Image.Blobs.ToList().IndexOf(blob)].Max(c => c.CompressedOffset + c.CompressedSize)
        : blob.ChunkInfoOffset;

    private async Task<ChunkDecoder> OpenAsync(int index, CancellationToken cancellation)
    {
        RafsBlob blob = image.Image.Blobs[index];
        if (image.Image.IsTarfs) throw new SluiceException(SluiceError.Image, image.Source.Store.Name, "tarfs images have no data in the registry that could be read by range");
        return await RafsChunks.OpenAsync(image, index, image.Source.Store, bytes => BytesFetched += bytes, cancellation);
    }

    private sealed class Window
    {
        public byte[] Buffer { get; set; } = [];

        public long Start { get; set; }

        public int Length { get; set; }
    }
}
