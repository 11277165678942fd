using Sluice.Build.OverlayBd;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Build.Convert;

/// <summary>
/// Converts one platform's image to block layers: each is applied to an ext4 device on top of those before, the first one
/// together with the empty file system. While a layer is made, the one below is uploaded.
/// </summary>
internal sealed class OverlayBdConverter(StoredImage source, IImageStore destination, ConvertOptions options, IConvertProgress? progress)
{
    private readonly BlockImageOptions _block = options.Block!;
    private readonly List<ConvertedLayer> _layers = [];
    private readonly List<string> _warnings = [];
    private Task _upload = Task.CompletedTask;

    /// <param name="previous">What the destination's name meant before; its blobs are taken where they fit. May be null.</param>
    public async Task<ConvertedImage> ConvertAsync(StoredImage? previous, CancellationToken cancellation)
    {
        ImageConfig config = await ConvertedManifest.ReadSourceAsync(source, cancellation);
        if (source.Manifest.Layers.Count == 0) throw new SluiceException(SluiceError.Image, source.Store.Name, $"{source.Stored.Digest} has no layers");
        var reuse = new LayerReuse(options, previous, destination, OverlayBdAnnotations.BlobDigest);
        var taken = new List<Descriptor>();
        if (_block.Base is not null) taken.Add(await TakeBaseAsync(_block.Base, reuse, cancellation));
        int below = taken.Count;
        List<Part> parts = Parts(config, reuse, cancellation);
        foreach (Part part in parts)
        {
            if (await reuse.TryTakeAsync(part.Key, blob => ProbeAsync(blob, cancellation), cancellation) is not { } blob) break;
            taken.Add(blob);
            Finish(new ConvertedLayer(part.Source, blob, Reused: true, Chunks: 0, DuplicateBytes: 0));
        }

        if (taken.Count - below < parts.Count) await MakeAsync(parts[(taken.Count - below)..], taken, cancellation);
        List<Descriptor> layers = [.. _layers.Select(layer => layer.Blob)];
        List<HistoryEntry> history = History(config);
        if (!options.Start.IsNone && await PushTraceAsync(layers, cancellation) is { } trace)
        {
            layers.Add(trace);
            if (history.Count > 0) history.Add(new HistoryEntry { Created = config.Created, CreatedBy = "sluice convert --trace" });
        }

        ImageConfig converted = config.WithLayers([.. layers.Select(layer => layer.Digest)], history);
        Descriptor manifest = await ConvertedManifest.PushAsync(source, converted, layers, destination, cancellation);
        return new ConvertedImage(source.Stored.ToDescriptor(), manifest, _layers, BootstrapSize: 0, _warnings);
    }

    /// <summary>The acceleration layer; null if what is known of a start concerns nothing in this image.</summary>
    private async Task<Descriptor?> PushTraceAsync(IReadOnlyList<Descriptor> layers, CancellationToken cancellation)
    {
        using RemoteBlockImage image = await RemoteBlockImage.LoadAsync(destination, layers, cancellation);
        TraceRecord[] records = await Task.Factory.StartNew(() => AccelerationTrace.Of(options.Start, image), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        if (records.Length == 0)
        {
            _warnings.Add("nothing of the trace is in the image: it is made without");
            return null;
        }

        Descriptor pushed = await destination.PushAsync(AccelerationLayer.Pack(TraceFile.Write(records)), MediaTypes.OciLayer, cancellation);
        return AccelerationLayer.Describe(pushed.Digest, pushed.Size, "ext4");
    }

    /// <summary>Puts the base layer first; all that lies on it depends on it.</summary>
    private async Task<Descriptor> TakeBaseAsync(BaseLayer baseLayer, LayerReuse keys, CancellationToken cancellation)
    {
        Descriptor blob = await baseLayer.CopyAsync(destination, cancellation);
        keys.NextKey(blob.Digest, blob.Digest);
        Finish(new ConvertedLayer(blob, blob, Reused: true, Chunks: 0, DuplicateBytes: 0));
        return blob;
    }

    /// <summary>The block layers to be: one for each layer, or one for all.</summary>
    private List<Part> Parts(ImageConfig config, LayerReuse keys, CancellationToken cancellation)
    {
        IReadOnlyList<Descriptor> layers = source.Manifest.Layers;
        IReadOnlyList<LayerIdentity> identities = LayerIdentity.All(config.DiffIds);
        List<Part> parts = [.. layers.Select((layer, i) => new Part(layer, [Open(layer, config.DiffIds[i], cancellation)], identities[i], keys.NextKey(layer.Digest, config.DiffIds[i])))];
        if (!_block.Flatten) return parts;
        Descriptor all = source.Stored.ToDescriptor() with { Size = layers.Sum(layer => layer.Size) };
        return [new Part(all, [.. parts.SelectMany(part => part.Layers)], parts[^1].Identity with { ParentUuid = LsmtHeader.NoUuid }, parts[^1].Key)];
    }

    /// <summary>Reads the indexes of a layer that is to be taken over, so that no damaged one is.</summary>
    private async Task<Descriptor> ProbeAsync(Descriptor blob, CancellationToken cancellation)
    {
        using RemoteBlockLayer layer = await RemoteBlockLayer.OpenAsync(destination, blob, cancellation);
        return blob;
    }

    private async Task MakeAsync(IReadOnlyList<Part> parts, IReadOnlyList<Descriptor> lower, CancellationToken cancellation)
    {
        using RemoteBlockImage? below = lower.Count == 0 ? null : await RemoteBlockImage.LoadAsync(destination, lower, cancellation);
        BlockContentReader? reader = below is null ? null : new BlockContentReader(below) { Window = 64 << 10 };
        if (_block.Base is not null && lower.Count == 1 && BaseLayer.Check(below!.Layers[0], reader!) is { } warning) _warnings.Add(warning);
        using var device = new LayeredDevice(below?.Index.VirtualSize ?? _block.VirtualSize, reader is null ? null : new LowerLayers(reader));
        using Pipeline<ZFileBatch> pipeline = ZFileCompressor.NewPipeline(new ZFileBlockCodec(_block.Algorithm, _block.BlockSize, HasChecksums: true), options.Jobs);
        var packer = new BlockLayerPacker(_block, device, pipeline) { IsFormatted = below is not null };
        try
        {
            foreach (Part part in parts)
            {
                PackedBlockLayer packed = await packer.PackAsync(part.Layers, part.Identity, cancellation);
                if (_block.Flatten)
                {
                    using PackedBlockLayer loose = packed;
                    packed = await packer.CompactAsync(loose, cancellation);
                }

                await Settle(packed);
                _upload = UploadAsync(part, packed, cancellation);
            }

            await _upload;
        }
        finally
        {
            await _upload.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Waits for the upload of the layer below.</summary>
    private async Task Settle(PackedBlockLayer next)
    {
        try
        {
            await _upload;
        }
        catch
        {
            next.Dispose();
            throw;
        }
    }

    private LayerSource Open(Descriptor layer, Digest diffId, CancellationToken cancellation) => new(layer, diffId, () =>
    {
        progress?.LayerStarted(layer);
        return new ProgressStream(source.Store.OpenBlobAsync(layer, cancellation).GetAwaiter().GetResult(), bytes => progress?.LayerAdvanced(layer, bytes));
    });

    private async Task UploadAsync(Part part, PackedBlockLayer packed, CancellationToken cancellation)
    {
        await Task.Yield();
        using (packed)
        {
            _warnings.AddRange(packed.Warnings);
            Descriptor blob = await BlockLayerUpload.RunAsync(packed.File, part.Key, destination, cancellation);
            Finish(new ConvertedLayer(part.Source, blob, Reused: false, packed.Trailer.BlockCount, packed.BytesLeftOut));
        }
    }

    private void Finish(ConvertedLayer layer)
    {
        _layers.Add(layer);
        progress?.LayerFinished(layer);
    }

    /// <summary>A step for each layer: the base layer is one more; with one layer for all, no step but the last has made a layer.</summary>
    private List<HistoryEntry> History(ImageConfig config)
    {
        List<HistoryEntry> steps = [.. config.History];
        if (steps.Count == 0) return steps;
        if (_block.Flatten) steps = [.. steps.Select(step => step with { EmptyLayer = true }), new HistoryEntry { Created = config.Created, CreatedBy = "sluice convert --flatten" }];
        if (_block.Base is not null) steps.Insert(0, new HistoryEntry { CreatedBy = "sluice convert --base-layer" });
        return steps;
    }

    /// <summary>A block layer to be.</summary>
    /// <param name="Source">What reports name as its origin.</param>
    private sealed record Part(Descriptor Source, IReadOnlyList<LayerSource> Layers, LayerIdentity Identity, string Key);
}
