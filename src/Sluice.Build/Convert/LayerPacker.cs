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
/// in order into the upload.
/// </summary>
internal sealed class LayerPacker(ConvertOptions options, ChunkPipeline pipeline, ImageBlobs blobs)
{
    private readonly int _blob = blobs.Next;
    private readonly Channel<ChunkJob> _order = Channel.CreateUnbounded<ChunkJob>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private int _chunks;
    private long _duplicateBytes;

    /// <param name="layer">The layer as it is stored; read to its end.</param>
    /// <exception cref="SluiceException">Corrupt layer, or source or destination failed.</exception>
    public async Task<PackedLayer> PackAsync(Stream layer, Descriptor descriptor, IBlobUpload upload, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var sink = new UploadStream(upload, stop.Token);
        using var writer = new RafsBlobWriter(sink, new RafsBlobWriterOptions { ChunkSize = options.ChunkSize, Compressor = options.Compressor, Digester = options.Digester });
        Task<LayerTree> reading = OnThread("unpack", () => ReadTar(layer, descriptor, stop.Token), stop);
        Task writing = OnThread("write blob", () => WriteChunks(writer, stop.Token), stop);
        try
        {
            await Task.WhenAll(reading, writing);
        }
        catch (Exception)
        {
            // One side's failure cancels the other: report the one that was not cancelled.
            Exception? cause = new[] { reading, writing }.Select(task => task.Exception?.InnerException).FirstOrDefault(e => e is not null and not OperationCanceledException);
            if (cause is not null && !cancellation.IsCancellationRequested) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(cause);
            throw;
        }

        return await OnThread("write blob", () => Finish(writer, sink, reading.Result), stop);
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
            Chunks = written.Chunks,
            ChunkInfoFile = written.ChunkInfoFile,
            DuplicateBytes = _duplicateBytes,
        };
    }

    private LayerTree ReadTar(Stream layer, Descriptor descriptor, CancellationToken cancellation)
    {
        try
        {
            using Stream tarStream = LayerStream.Open(layer, descriptor);
            using var tar = new TarReader(tarStream);
            var builder = new LayerTreeBuilder();
            while (tar.ReadEntry() is { } entry)
            {
                if (builder.Add(entry) is { Size: > 0 } file) file.Chunks = ReadChunks(tar, file.Size, cancellation);
                cancellation.ThrowIfCancellationRequested();
            }

            Drain(tarStream);
            Drain(layer); // a layer is right only when its last byte and its digest are
            _order.Writer.Complete();
            return builder.Tree;
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidFormatException("layer", $"{descriptor.Digest} can't be decompressed: {exception.Message}", inner: exception);
        }
        catch (InvalidFormatException exception) when (exception.Format == "tar")
        {
            throw new InvalidFormatException("layer", $"{descriptor.Digest}: {exception.Message}", inner: exception);
        }
    }

    private ChunkReference[] ReadChunks(TarReader tar, long size, CancellationToken cancellation)
    {
        long count = (size + options.ChunkSize - 1) / options.ChunkSize;
        if (count >= RafsBlobLimits.MaxChunks) throw new InvalidFormatException("tar", $"a file has {size} bytes: more chunks than a blob can have; choose a larger --chunk-size", tar.Position);
        var chunks = new ChunkReference[count];
        for (int i = 0; i < chunks.Length; i++)
        {
            ChunkJob job = pipeline.Rent(cancellation);
            job.Length = (int)Math.Min(options.ChunkSize, size - ((long)i * options.ChunkSize));
            ReadExactly(tar, job.Buffer[..job.Length]);
            job.Digest = ChunkDigest.Compute(options.Digester, job.Plain);
            if (blobs.TryFind(job.Digest, out chunks[i]))
            {
                _duplicateBytes += job.Length;
                pipeline.Return(job);
                continue;
            }

            if (_chunks == RafsBlobLimits.MaxChunks - 1) throw new InvalidFormatException("tar", "the layer has more chunks than a blob can have; choose a larger --chunk-size", tar.Position);
            chunks[i] = new ChunkReference(_blob, _chunks++);
            blobs.Remember(job.Digest, chunks[i]);
            pipeline.Submit(job, _order.Writer);
        }

        return chunks;
    }

    private static void ReadExactly(TarReader tar, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int read = tar.ReadContent(destination);
            if (read == 0) throw new InvalidFormatException("tar", "a file's content ends early", tar.Position);
            destination = destination[read..];
        }
    }

    private static void Drain(Stream stream)
    {
        byte[] rest = new byte[64 << 10];
        while (stream.Read(rest) > 0)
        {
        }
    }

    private void WriteChunks(RafsBlobWriter writer, CancellationToken cancellation)
    {
        while (_order.Reader.WaitToReadAsync(cancellation).AsTask().GetAwaiter().GetResult())
        {
            while (_order.Reader.TryRead(out ChunkJob? job))
            {
                job.Done.Wait(cancellation);
                if (job.Failure is not null) throw job.Failure;
                writer.Append(job.Stored.Span, job.Length, job.Digest, job.Crc32);
                pipeline.Return(job);
            }
        }
    }

    private static Task<T> OnThread<T>(string name, Func<T> work, CancellationTokenSource stop)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception exception)
            {
                stop.Cancel();
                done.SetException(exception);
            }
        })
        { IsBackground = true, Name = name }.Start();
        return done.Task;
    }

    private static Task OnThread(string name, Action work, CancellationTokenSource stop) =>
        OnThread(name, () => { work(); return true; }, stop);
}
