using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>What there is to bring of an ordinary image.</summary>
/// <param name="Store">Where its layers come from.</param>
/// <param name="Chain">Chain ids, lowest first.</param>
internal sealed record OrdinaryPlan(IImageStore Store, IReadOnlyList<Descriptor> Layers, IReadOnlyList<Digest> DiffIds, IReadOnlyList<Digest> Chain) : IAsyncDisposable
{
    /// <summary>A registry that takes longer is left to containerd, which may know another way.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <param name="reference">Name of the image.</param>
    /// <exception cref="SluiceException">Its manifest or configuration can't be had, or it has layers that are no tars.</exception>
    public static async Task<OrdinaryPlan> MakeAsync(Digest manifest, string reference, SourceOptions sources, CancellationToken cancellation)
    {
        IImageStore store = ImageStores.Open(ImageReference.Parse("docker://" + reference), sources);
        try
        {
            return await SourceDeadline.AskAsync(Patience, store, $"the manifest of {reference}", token => MakeAsync(store, manifest, reference, token), cancellation);
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync() => Store.DisposeAsync();

    private static async Task<OrdinaryPlan> MakeAsync(IImageStore store, Digest manifest, string reference, CancellationToken cancellation)
    {
        StoredManifest stored = await store.GetManifestAsync(manifest.ToString(), cancellation);
        StoredImage image = StoredImage.Of(store, stored);
        if (image.Manifest.Layers.FirstOrDefault(layer => !IsTar(layer.MediaType)) is { } other)
            throw new SluiceException(SluiceError.Image, reference, $"layer {other.Digest} is no tar but {other.MediaType}");
        ImageConfig config = await image.ReadConfigAsync(cancellation);
        config.CheckLayers(image.Manifest);
        return new OrdinaryPlan(store, image.Manifest.Layers, config.DiffIds, ChainId.All(config.DiffIds));
    }

    private static bool IsTar(string mediaType) => mediaType is MediaTypes.OciLayer or MediaTypes.OciLayerGzip or MediaTypes.OciLayerZstd or MediaTypes.DockerLayer or MediaTypes.DockerLayerGzip or MediaTypes.DockerLayerZstd;
}
