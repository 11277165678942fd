using Sluice.Formats;
using Sluice.Formats.Ext4;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Build.Convert;

/// <summary>
/// The lowest layer of an OverlayBD image, to build others on: as a rule the empty file system that the images of one place share.
/// It is stored with the new image as it is, under its own digest, and decides the size of the device.
/// </summary>
/// <param name="Store">Has the image. Not disposed.</param>
public sealed record BaseLayer(IImageStore Store, string TagOrDigest)
{
    private static readonly FileName LostAndFound = new("lost+found");

    /// <summary>Stores the layer at the destination.</summary>
    /// <returns>Its descriptor, with the annotations that belong into the manifest.</returns>
    /// <exception cref="SluiceException">Not an OverlayBD image, or not to be had.</exception>
    internal async Task<Descriptor> CopyAsync(IImageStore destination, CancellationToken cancellation)
    {
        StoredImage image = await ImageResolver.ResolveAsync(Store, TagOrDigest, Platform.Host, preferAccelerated: true, cancellation);
        if (RemoteBlockImage.FindLayers(image.Manifest) is not { Count: > 0 } layers)
            throw new SluiceException(SluiceError.Usage, "--base-layer", $"{image.Stored.Digest} of {Store.Name} is not an OverlayBD image");
        Descriptor layer = layers[0];
        await destination.CopyBlobAsync(Store, layer, cancellation);
        return OverlayBdAnnotations.Describe(layer.Digest, layer.Size, layer.Annotations!.GetValueOrDefault(OverlayBdAnnotations.FileSystem) ?? "ext4");
    }

    /// <summary>Refuses a layer that no device can be built on.</summary>
    /// <returns>A warning if it holds files, which all images that are built on it will show; else null.</returns>
    /// <exception cref="SluiceException">Not the tar that registries hold, or without an ext4 that can be extended.</exception>
    internal static string? Check(RemoteBlockLayer layer, IBlockStore device)
    {
        Digest digest = layer.Descriptor.Digest;
        if (layer.Layer.PayloadOffset == 0) throw new SluiceException(SluiceError.Usage, "--base-layer", $"{digest} is not in a tar, as the layers of images are", "wrap it with: overlaybd-commit -t");
        Ext4FileSystem fileSystem = Ext4FileSystem.Open(device);
        return fileSystem.List(Ext4FileSystem.Root).All(entry => entry.Name == LostAndFound) ? null : $"the base layer {digest} holds files; they are part of the image";
    }
}
