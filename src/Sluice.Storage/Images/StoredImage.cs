using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Images;

/// <summary>One platform's image of a store: its manifest, checked against its digest, and the store that has its blobs.</summary>
public sealed record StoredImage(IImageStore Store, StoredManifest Stored, ImageManifest Manifest)
{
    /// <summary>The layer that holds the RAFS bootstrap; null for an ordinary image.</summary>
    public Descriptor? BootstrapLayer => RafsImageLoader.FindBootstrap(Manifest);

    public async Task<ImageConfig> ReadConfigAsync(CancellationToken cancellation) =>
        ImageConfig.Parse(await ReadBlobAsync(Manifest.Config, OciLimits.Config, cancellation));

    /// <param name="store">Where the manifest was read.</param>
    /// <exception cref="Formats.InvalidFormatException">It is none of an image.</exception>
    public static StoredImage Of(IImageStore store, StoredManifest stored) => new(store, stored, ImageManifest.Parse(stored.Content.Span, stored.MediaType));

    /// <summary>Reads a small blob whole.</summary>
    /// <param name="limit">Largest size that is accepted, in bytes.</param>
    public async Task<byte[]> ReadBlobAsync(Descriptor blob, int limit, CancellationToken cancellation)
    {
        if (blob.Size > limit) throw new Formats.InvalidFormatException(blob.MediaType, $"{blob.Digest} has {blob.Size} bytes, more than the allowed {limit}");
        byte[] content = new byte[blob.Size];
        await using Stream stream = await Store.OpenBlobAsync(blob, cancellation);
        await stream.ReadExactlyAsync(content, cancellation);
        if (await stream.ReadAsync(new byte[1], cancellation) != 0) throw new Formats.InvalidFormatException(blob.MediaType, $"{blob.Digest} is longer than {blob.Size} bytes");
        return content;
    }
}
