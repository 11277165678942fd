using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Containerd.Client;

/// <summary>Reads images in containerd's content store.</summary>
public sealed class ImageLookup(ContainerdClient client)
{
    /// <summary>Manifest and configuration of the image that a name means, if it has exactly these layers; else null.</summary>
    /// <param name="layers">Digests, lowest first.</param>
    /// <exception cref="SluiceException">containerd refused a call, or its content is damaged.</exception>
    public async Task<FoundImage?> FindAsync(string name, IReadOnlyList<Digest> layers, CancellationToken cancellation) =>
        name.Length > 0 && await client.Images.FindAsync(name, cancellation) is { } image ? await FindAsync(image.Target, layers, 0, cancellation) : null;

    private async Task<FoundImage?> FindAsync(Descriptor target, IReadOnlyList<Digest> layers, int depth, CancellationToken cancellation)
    {
        if (depth > OciLimits.IndexDepth || await client.Content.FindAsync(target.Digest, cancellation) is null) return null; // of an index only the platform's manifest is here
        byte[] content = await client.Content.ReadAsync(target.Digest, OciLimits.Manifest, cancellation);
        if (MediaTypes.IsIndex(target.MediaType))
        {
            foreach (Descriptor entry in ImageIndex.Parse(content, target.MediaType).Manifests)
            {
                if (await FindAsync(entry, layers, depth + 1, cancellation) is { } found) return found;
            }

            return null;
        }

        ImageManifest manifest = ImageManifest.Parse(content, target.MediaType);
        if (!manifest.Layers.Select(layer => layer.Digest).SequenceEqual(layers) || await client.Content.FindAsync(manifest.Config.Digest, cancellation) is null) return null;
        return new FoundImage(new ImageDocument(target.MediaType, content), manifest, ImageConfig.Parse(await client.Content.ReadAsync(manifest.Config.Digest, OciLimits.Config, cancellation)));
    }
}

/// <summary>What containerd has of an image beside its layers.</summary>
/// <param name="Stored">The manifest as it is stored.</param>
public sealed record FoundImage(ImageDocument Stored, ImageManifest Manifest, ImageConfig Config);
