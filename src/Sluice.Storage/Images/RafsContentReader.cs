using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Formats.Trees;

namespace Sluice.Storage.Images;

/// <summary>
/// Reads file contents of a remote RAFS image in order, without a cache: for commands that look at an image or unpack it. Fetches
/// windows of a blob, so that files that lie behind one another cost one ranged read. Verified. Not for concurrent use.
/// </summary>
/// <param name="window">Bytes that one fetch asks for where the blob has them; 0 fetches only what the file needs.</param>
public sealed class RafsContentReader(RemoteRafsImage image, int window = 0)
{
    /// <summary>Chunks of one file that lie behind one another are fetched together, up to so many bytes.</summary>
    private const int MaxRun = 4 << 20;

    /// <summary>Files share chunks with a few other layers, as a rule.</summary>
    private const int Windows = 4;

    private readonly OpenBlob?[] _blobs = new OpenBlob?[image.Image.Blobs.Count];
    private readonly BlobWindows _windows = new(image.Source.Store, Windows);
    private byte[] _plain = [];
    private (int Blob, int Unit) _decoded = (-1, -1);
    private readonly ChunkInfoLoader _loader = new(image);

    /// <summary>Compressed bytes fetched so far.</summary>
    public long BytesFetched => _windows.BytesFetched + _loader.BytesFetched;

    /// <summary>Where the content of <paramref name="file"/> starts in its blob, to sort files by; files without content come first.</summary>
    public static (int Blob, int Chunk) OrderOf(Inode file) => file.Chunks.Count == 0 ? (-1, 0) : (file.Chunks[0].Blob, file.Chunks[0].Chunk);

    /// <summary>Gives the content of a regular file to <paramref name="sink"/>, piece by piece in order. A piece is valid until the sink returns.</summary>
    /// <exception cref="SluiceException">The source failed, or a chunk is corrupt: the message names the blob.</exception>
    public async Task ReadAsync(Inode file, Func<ReadOnlyMemory<byte>, ValueTask> sink, CancellationToken cancellation)
    {
        long left = file.Size;
        int runEnd = 0, wanted = 0;
        for (int i = 0; i < file.Chunks.Count && left > 0; i++)
        {
            OpenBlob blob = await OpenAsync(file.Chunks[i], cancellation);
            if (i >= runEnd) (runEnd, wanted) = FindRun(blob.Decoder, file.Chunks, i);
            ReadOnlyMemory<byte> chunk = await ReadAsync(blob, file.Chunks[i], wanted, cancellation);
            if (chunk.Length > left) chunk = chunk[..(int)left];
            left -= chunk.Length;
            await sink(chunk);
        }

        if (left != 0) throw new InvalidFormatException("rafs", $"a file of {file.Size} bytes has chunks for {file.Size - left} only");
    }

    /// <summary>Reads and verifies one chunk. The memory is valid until the next call.</summary>
    public async Task<ReadOnlyMemory<byte>> ReadChunkAsync(ChunkReference reference, CancellationToken cancellation) =>
        await ReadAsync(await OpenAsync(reference, cancellation), reference, wanted: 0, cancellation);

    private async ValueTask<ReadOnlyMemory<byte>> ReadAsync(OpenBlob blob, ChunkReference reference, int wanted, CancellationToken cancellation)
    {
        ChunkDecoder decoder = blob.Decoder;
        ChunkUnit unit = decoder.GetUnit(decoder.GetUnitOf(reference.Chunk));
        if (_decoded != (reference.Blob, unit.Index))
        {
            ReadOnlyMemory<byte> compressed = unit.CompressedLength == 0
                ? ReadOnlyMemory<byte>.Empty
                : await _windows.FetchAsync(blob.Digest, unit.CompressedOffset, unit.CompressedLength, (int)Math.Min(Math.Max(window, wanted), blob.End - unit.CompressedOffset), cancellation);
            _decoded = (-1, -1);
            if (_plain.Length < unit.UncompressedLength) _plain = GC.AllocateUninitializedArray<byte>(Math.Max(unit.UncompressedLength, image.Image.ChunkSize));
            decoder.DecodeUnit(unit, compressed.Span, _plain);
            _decoded = (reference.Blob, unit.Index);
        }

        ChunkInfo info = decoder[reference.Chunk];
        ReadOnlyMemory<byte> plain = _plain.AsMemory((int)(info.UncompressedOffset - unit.UncompressedOffset), info.UncompressedSize);
        return decoder.Verify(reference.Chunk, plain.Span) == ChunkVerdict.Corrupt
            ? throw new SluiceException(SluiceError.Image, image.Source.Store.Name, $"chunk {reference.Chunk} of blob {decoder.Blob.Id} does not match its digest", "the stored blob is damaged: push the image again")
            : plain;
    }

    /// <summary>From chunk <paramref name="first"/> of a file: the end of the run that lies in one piece of one blob, and the bytes of it.</summary>
    private static (int End, int Bytes) FindRun(ChunkDecoder decoder, IReadOnlyList<ChunkReference> chunks, int first)
    {
        (long start, int length) = decoder.GetCompressedRange(chunks[first].Chunk);
        long end = start + length;
        int next = first + 1;
        for (; next < chunks.Count && chunks[next].Blob == chunks[first].Blob && (uint)chunks[next].Chunk < (uint)decoder.ChunkCount; next++)
        {
            (long offset, int size) = decoder.GetCompressedRange(chunks[next].Chunk);
            if (size == 0) continue;
            if (offset < start || offset > end || offset + size - start > MaxRun) break;
            end = Math.Max(end, offset + size);
        }

        return (next, (int)(end - start));
    }

    private async ValueTask<OpenBlob> OpenAsync(ChunkReference reference, CancellationToken cancellation)
    {
        OpenBlob blob = _blobs[reference.Blob] ??= new OpenBlob(await _loader.OpenAsync(reference.Blob, cancellation));
        return (uint)reference.Chunk < (uint)blob.Decoder.ChunkCount
            ? blob
            : throw new InvalidFormatException("rafs", $"blob {blob.Digest} has {blob.Decoder.ChunkCount} chunks, but a file uses chunk {reference.Chunk}");
    }

    private sealed class OpenBlob(ChunkDecoder decoder)
    {
        public ChunkDecoder Decoder { get; } = decoder;

        public Digest Digest { get; } = RemoteRafsImage.DigestOf(decoder.Blob);

        /// <summary>Behind the last compressed byte.</summary>
        public long End { get; } = Enumerable.Range(0, decoder.UnitCount).Max(unit => (long?)decoder.GetUnit(unit).CompressedEnd) ?? 0;
    }
}
