using Sluice.Build.Layers;
using Sluice.Formats.Oci;
using Sluice.Formats.Prefetch;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Artifacts;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Build.Convert;

/// <summary>Converts one platform's image: layers to blobs, one after another; their merged tree to a bootstrap; manifest and config as Nydus writes them.</summary>
internal sealed class RafsConverter(StoredImage source, IImageStore destination, ConvertOptions options, IConvertProgress? progress)
{
    /// <summary>What stands in the prefetch table of an image whose start nobody knows, as Nydus's converters have it.</summary>
    private static readonly FileName Root = new("/");

    private readonly ImageBlobs _blobs = new(options);
    private readonly TreeMerger _merger = new();
    private readonly List<ConvertedLayer> _layers = [];
    private readonly List<string> _warnings = [];
    private Digest _bootstrapDiffId;
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _metas = new(StringComparer.Ordinal);

    /// <param name="previous">What the destination's name meant before; its blobs are taken where they fit. May be null.</param>
    public async Task<ConvertedImage> ConvertAsync(StoredImage? previous, CancellationToken cancellation)
    {
        ImageConfig config = await ConvertedManifest.ReadSourceAsync(source, cancellation);
        var reuse = new LayerReuse(options, previous, destination, NydusAnnotations.Blob);
        using (var pipeline = new ChunkPipeline(new ChunkCompression(options.Compressor, options.Level), options.ChunkSize, Math.Max(1, options.Jobs)))
        {
            foreach (Descriptor layer in source.Manifest.Layers) await AddLayerAsync(layer, config.DiffIds[_layers.Count], pipeline, reuse, cancellation);
        }

        Descriptor bootstrapLayer = await PushBootstrapAsync(cancellation);
        return await PushManifestAsync(config, bootstrapLayer, cancellation);
    }

    private async Task AddLayerAsync(Descriptor layer, Digest diffId, ChunkPipeline pipeline, LayerReuse reuse, CancellationToken cancellation)
    {
        progress?.LayerStarted(layer);
        string key = reuse.NextKey(layer.Digest, diffId);
        PackedLayer? packed = await reuse.TryTakeAsync(key, blob => PackedLayerReader.ReadAsync(destination, blob, _layers.Count, _blobs, cancellation), cancellation);
        bool reused = packed is not null;
        packed ??= await PackAsync(layer, diffId, pipeline, cancellation);
        _blobs.Add(packed.Blob, packed.Chunks);
        if (packed.Blob is not null) _metas[packed.Blob.Id] = packed.ChunkInfoFile;
        foreach (FileName path in _merger.Apply(packed.Tree)) _warnings.Add($"layer {layer.Digest}: a hard link to '{path}', which does not exist, is left out");
        var blob = new Descriptor
        {
            MediaType = MediaTypes.NydusBlob,
            Digest = packed.Digest,
            Size = packed.Size,
            Annotations = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                [NydusAnnotations.Blob] = "true",
                [NydusAnnotations.SourceDigest] = layer.Digest.ToString(),
                [LayerReuse.KeyAnnotation] = key,
            },
        };
        var converted = new ConvertedLayer(layer, blob, reused, packed.Chunks.Length, packed.DuplicateBytes);
        _layers.Add(converted);
        progress?.LayerFinished(converted);
    }

    private async Task<PackedLayer> PackAsync(Descriptor layer, Digest diffId, ChunkPipeline pipeline, CancellationToken cancellation)
    {
        await using Stream stream = new ProgressStream(await source.Store.OpenBlobAsync(layer, cancellation), bytes => progress?.LayerAdvanced(layer, bytes));
        await using IBlobUpload upload = await destination.StartUploadAsync(cancellation);
        PackedLayer packed = await new LayerPacker(options, pipeline, _blobs).PackAsync(stream, layer, diffId, upload, cancellation);
        await upload.CommitAsync(packed.Digest, cancellation);
        return packed;
    }

    private async Task<Descriptor> PushBootstrapAsync(CancellationToken cancellation)
    {
        FileRange[] start = [.. options.Start.Files.Where(range => TreeWalk.Find(_merger.Root, range.Path) is not null)];
        if (start.Length == 0 && options.Start.Files.Count > 0) _warnings.Add("none of the files of the trace is in the image: it is laid out as without");
        byte[] bootstrap = RafsV6Writer.Write(_blobs.ToImage(_merger.Root, prefetch: start.Length == 0 ? [Root] : start.Select(range => range.Path)), out RafsWriteReport report);
        foreach (DroppedAttribute dropped in report.Dropped) _warnings.Add($"{dropped.Path}: EROFS can't hold the attribute '{dropped.Name}'; it is left out");
        (byte[] content, Digest diffId) = new BootstrapLayer { Bootstrap = bootstrap, BlobMetas = _metas, PrefetchFiles = start.Length == 0 ? default : PrefetchFiles.Write(start) }.Pack();
        _bootstrapDiffId = diffId;
        return await destination.PushAsync(content, MediaTypes.OciLayerGzip, cancellation) with
        {
            Annotations = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                [NydusAnnotations.Bootstrap] = "true",
                [NydusAnnotations.FsVersion] = "6",
            },
        };
    }

    private async Task<ConvertedImage> PushManifestAsync(ImageConfig config, Descriptor bootstrap, CancellationToken cancellation)
    {
        // The bootstrap is as old as the image: a clock here would change the digest with every run.
        var history = new HistoryEntry { Created = config.Created, CreatedBy = "Nydus Converter", Comment = "Nydus Bootstrap Layer" };
        ImageConfig converted = config.WithLayers([.. _layers.Select(l => l.Blob.Digest), _bootstrapDiffId], config.History.Count == 0 ? [] : [.. config.History, history]);
        Descriptor manifest = await ConvertedManifest.PushAsync(source, converted, [.. _layers.Select(l => l.Blob), bootstrap], destination, cancellation);
        return new ConvertedImage(source.Stored.ToDescriptor(), manifest, _layers, bootstrap.Size, _warnings);
    }
}
