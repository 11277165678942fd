using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Storage.Images;

namespace Sluice.Node.Images;

/// <summary>An image whose metadata has been downloaded.</summary>
/// <param name="Metadata">What is to be kept of it, as <c>image.boot</c>.</param>
/// <param name="DiffId">See <see cref="ImageRecord"/>.</param>
/// <param name="StoreEnds">Puts what else came along into the cache; for when the image is kept, as the cache then belongs to somebody.</param>
internal sealed record DownloadedImage(StoredImage Source, ReadOnlyMemory<byte> Metadata, ImageContent Content, Digest? DiffId = null, Action? StoreEnds = null)
{
    /// <summary>What the image says itself that its start needs, as <see cref="Starts.IncludedStart"/> reads it; empty: nothing.</summary>
    public ReadOnlyMemory<byte> StartList { get; init; }

    /// <summary>True if the image can be mounted lazily.</summary>
    public static bool IsLazy(StoredImage image) => image.BootstrapLayer is not null || RemoteBlockImage.FindLayers(image.Manifest) is not null;

    /// <param name="cache">Takes layers that can only be checked whole.</param>
    /// <exception cref="Formats.SluiceException">An ordinary image, a corrupt one, or not to be had.</exception>
    public static async Task<DownloadedImage> FetchAsync(StoredImage image, CacheDirectory cache, CancellationToken cancellation)
    {
        if (RemoteBlockImage.FindLayers(image.Manifest) is null) return Of(await RafsImageLoader.LoadAsync(image, cancellation));
        Task<byte[]> list = AccelerationLayers.FetchAsync(image, cancellation);
        (BlockStack stack, Action storeEnds) = await BlockStackLoader.LoadAsync(image, cache, cancellation);
        return new DownloadedImage(image, BlockStackFile.Write(stack), new BlockContent(stack), StoreEnds: storeEnds) { StartList = await list };
    }

    public static DownloadedImage Of(RemoteRafsImage image) => new(image.Source, image.Bootstrap, new RafsContent(image.Image), image.DiffId) { StartList = image.PrefetchFiles };
}
