using Sluice.Build.OverlayBd;
using Sluice.Formats;
using Sluice.Formats.Oci;
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

    public async Task<ConvertedImage> ConvertAsync(CancellationToken cancellation)
    {
        ImageConfig config = await ConvertedManifest.ReadSourceAsync(source, cancellation);
        IReadOnlyList<Descriptor> layers = source.Manifest.Layers;
        if (layers.Count == 0) throw new SluiceException(SluiceError.Image, source.Store.Name, $"{source.Stored.Digest} has no layers");
        IReadOnlyList<LayerIdentity> identities = LayerIdentity.All(config.DiffIds);
        using var device = new LayeredDevice(_block.VirtualSize, bottom: null);
        using Pipeline<ZFileBatch> pipeline = ZFileCompressor.NewPipeline(new ZFileBlockCodec(_block.Algorithm, _block.BlockSize, HasChecksums: true), Math.Max(1, options.Jobs));
        var packer = new BlockLayerPacker(_block, device, pipeline);
        try
        {
            for (int i = 0; i < layers.Count; i++)
            {
                Descriptor layer = layers[i];
                PackedBlockLayer packed = await packer.PackAsync([Source(layer, cancellation)], identities[i], cancellation);
                await _upload;
                _upload = UploadAsync(layer, packed, cancellation);
            }
        }
        finally
        {
            await _upload.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }

        await _upload;
        ImageConfig converted = config.WithLayers([.. _layers.Select(l => l.Blob.Digest)], config.History);
        Descriptor manifest = await ConvertedManifest.PushAsync(source, converted, [.. _layers.Select(l => l.Blob)], destination, cancellation);
        return new ConvertedImage(source.Stored.ToDescriptor(), manifest, _layers, BootstrapSize: 0, _warnings);
    }

    private (Descriptor Layer, Func<Stream> Open) Source(Descriptor layer, CancellationToken cancellation) => (layer, () =>
    {
        progress?.LayerStarted(layer);
        return new ProgressStream(source.Store.OpenBlobAsync(layer, cancellation).GetAwaiter().GetResult(), bytes => progress?.LayerAdvanced(layer, bytes));
    });

    private async Task UploadAsync(Descriptor layer, PackedBlockLayer packed, CancellationToken cancellation)
    {
        await Task.Yield();
        using (packed)
        {
            _warnings.AddRange(packed.Warnings);
            Descriptor blob = await BlockLayerUpload.RunAsync(packed.File, destination, cancellation);
            var converted = new ConvertedLayer(layer, blob, Reused: false, packed.Trailer.BlockCount, packed.BytesLeftOut);
            _layers.Add(converted);
            progress?.LayerFinished(converted);
        }
    }
}
