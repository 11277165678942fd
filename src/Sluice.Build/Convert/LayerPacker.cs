using System.Threading.Channels;
using Sluice.Build.Layers;
using Sluice.Formats;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Storage.Sources;

namespace Sluice.Build.Convert;

/// <summary>
/// Turns one layer into one blob. Two threads of its own and those of the <see cref="ChunkPipeline"/> overlap: the first downloads,
/// inflates, walks the tar, cuts chunks, digests them and drops those that the image has; the second writes the compressed chunks
/// in order into the upload. What a start needs is kept until the end and comes last, in the order of the start, so that a few reads of neighbours bring all of it.
/// </summary>
internal sealed class LayerPacker(ConvertOptions options, ChunkPipeline pipeline, ImageBlobs blobs)
{
    /// <summary>Uncompressed bytes of a layer that are kept for the end at most; what a start needs beyond stays in the order of the tar.</summary>
    private const long MaxKept = 256 << 20;

    private readonly int _blob = blobs.Next;
    private readonly StartOrder _start = new(options.Start.Files);
    private readonly LastChunks _last = new(blobs.Next);
    private readonly Channel<ChunkJob> _order = Channel.CreateUnbounded<ChunkJob>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private int _chunks;
    private long _references;
    private ChunkReference? _zeros;
    private long _duplicateBytes;

    /// <param name="layer">The layer as it is stored; read to its end.</param>
    /// <param name="diffId">What the tar in it must be.</param>
    /// <exception cref="SluiceException">Corrupt layer, or source or destination failed.</exception>
    public async Task<PackedLayer> PackAsync(Stream layer, Descriptor descriptor, Digest diffId, IBlobUpload upload, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var sink = new UploadStream(upload, stop.Token);
        using var writer = new RafsBlobWriter(sink, new RafsBlobWriterOptions { ChunkSize = options.ChunkSize, Compressor = options.Compressor, Digester = options.Digester });
        Task<LayerTree> reading = OwnThread.Run("unpack", () => ReadTar(layer, descriptor, diffId, stop.Token), stop);
        Task writing = OwnThread.Run("write blob", () => WriteChunks(writer, stop.Token), stop);
        await OwnThread.BothAsync(reading, writing, cancellation);
        return await OwnThread.Run("write blob", () => Finish(writer, sink, reading.Result), stop);
    }

    private PackedLayer Finish(RafsBlobWriter writer, UploadStream sink, LayerTree tree)
    {
        RafsBlob own = writer.CompleteChunks();
        byte[] bootstrap = LayerBootstrap.Write(tree, root => RafsV6Writer.Write(blobs.ToImage(root, (own, [.. writer.Chunks]))));
        WrittenBlob written = writer.Complete(bootstrap);
        sink.Flush();
        return new PackedLayer
        {
            Tree = tree,
            Digest = written.Digest,
            Size = written.Size,
            Blob = written.Chunks.Length == 0 ? null : written.Blob,
            Chunks = WithoutUnusedChecksums(written.Chunks, tree),
            ChunkInfoFile = written.ChunkInfoFile,
            DuplicateBytes = _duplicateBytes,
        };
    }

    /// <summary>
    /// Chunks that no file of the layer uses any more are missing in its bootstrap, so a later conversion that takes the layer over
    /// won't know their CRC. It must make the same bytes as this one.
    /// </summary>
    private ChunkInfo[] WithoutUnusedChecksums(ChunkInfo[] chunks, LayerTree tree)
    {
        var used = new bool[chunks.Length];
        foreach (ChunkReference chunk in TreeWalk.Inodes(tree.Root).SelectMany(inode => inode.Chunks))
        {
            if (chunk.Blob == _blob) used[chunk.Chunk] = true;
        }

        return [.. chunks.Select((chunk, i) => used[i] ? chunk : chunk with { Crc32 = 0, Flags = chunk.Flags & ~ChunkFlags.HasCrc32 })];
    }

    private LayerTree ReadTar(Stream layer, Descriptor descriptor, Digest diffId, CancellationToken cancellation)
    {
        var builder = new LayerTreeBuilder();
        LayerEntries.Read(layer, descriptor, (tar, entry) =>
        {
            if (builder.Add(entry) is { Size: > 0 } file) file.Chunks = ReadChunks(tar, entry.Path, file.Size, cancellation);
        }, cancellation, diffId);
        _last.Place(_chunks, blobs);
        _order.Writer.Complete();
        return builder.Tree;
    }

    private ChunkReference[] ReadChunks(TarReader tar, FileName path, long size, CancellationToken cancellation)
    {
        long count = (size + options.ChunkSize - 1) / options.ChunkSize;
        _references += count;
        if (_references >= RafsBlobLimits.MaxChunks) throw TooMany(tar);
        var chunks = new ChunkReference[count];
        int[]? ranks = _start.RanksOf(path, size, options.ChunkSize);
        for (int i = 0; i < chunks.Length; i++)
        {
            int length = (int)Math.Min(options.ChunkSize, size - ((long)i * options.ChunkSize));
            bool hole = length == options.ChunkSize && tar.HoleLength >= length;
            if (hole && _zeros is { } zeros)
            {
                // A tar of one block can claim terabytes of holes: they must cost nothing.
                _duplicateBytes += tar.SkipContent(length);
                chunks[i] = zeros;
                continue;
            }

            chunks[i] = ReadChunk(tar, length, hole || ranks is null ? StartOrder.None : ranks[i], cancellation);
            if (hole) _zeros = chunks[i];
        }

        _last.Watch(chunks);
        return chunks;
    }

    /// <param name="rank">In the order of the start.</param>
    private ChunkReference ReadChunk(TarReader tar, int length, int rank, CancellationToken cancellation)
    {
        ChunkJob job = pipeline.Rent(cancellation);
        job.Length = length;
        ReadExactly(tar, job.Buffer[..length]);
        job.Digest = ChunkDigest.Compute(options.Digester, job.Plain);
        if (blobs.TryFind(job.Digest, out ChunkReference known))
        {
            _duplicateBytes += length;
            pipeline.Return(job);
            return known;
        }

        if (_chunks + _last.Count == RafsBlobLimits.MaxChunks - 1) throw TooMany(tar);
        bool isLast = rank != StartOrder.None && _last.Bytes + length <= MaxKept;
        job.Rank = isLast ? rank : StartOrder.None;
        ChunkReference chunk = isLast ? _last.Add(job.Digest, rank, length) : new ChunkReference(_blob, _chunks++);
        blobs.Remember(job.Digest, chunk);
        pipeline.Submit(job, _order.Writer);
        return chunk;
    }

    private static InvalidFormatException TooMany(TarReader tar) =>
        new("tar", "the layer has more chunks than a blob can have; choose a larger --chunk-size", tar.Position);

    private static void ReadExactly(TarReader tar, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int read = tar.ReadContent(destination);
            if (read == 0) throw new InvalidFormatException("tar", "a file's content ends early", tar.Position);
            destination = destination[read..];
        }
    }

    private void WriteChunks(RafsBlobWriter writer, CancellationToken cancellation)
    {
        List<KeptChunk> last = [];
        pipeline.Drain(_order.Reader, job =>
        {
            if (job.Rank == StartOrder.None) writer.Append(job.Stored.Span, job.Length, job.Digest, job.Crc32);
            else last.Add(new KeptChunk(job.Rank, job.Stored.ToArray(), job.Length, job.Digest, job.Crc32));
        }, cancellation);
        foreach (KeptChunk chunk in last.OrderBy(chunk => chunk.Rank)) writer.Append(chunk.Stored, chunk.Length, chunk.Digest, chunk.Crc32);
    }

    private sealed record KeptChunk(int Rank, byte[] Stored, int Length, ChunkDigest Digest, uint Crc32);
}
