using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs.Artifacts;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Images;

/// <summary>Finds the manifest that a name means for one platform.</summary>
public static class ImageResolver
{
    private const int MaxIndexDepth = 4;

    /// <summary>Follows indexes down to the manifest for <paramref name="platform"/>.</summary>
    /// <param name="preferAccelerated">Take the lazy one where an index has an ordinary and a RAFS or OverlayBD manifest for the platform.</param>
    /// <exception cref="SluiceException"><see cref="SluiceError.NotFound"/>: no such image, or none for the platform.</exception>
    public static async Task<StoredImage> ResolveAsync(
        IImageStore store, string tagOrDigest, Platform platform, bool preferAccelerated, CancellationToken cancellation) =>
        await ResolveAsync(store, await store.GetManifestAsync(tagOrDigest, cancellation), platform, preferAccelerated, cancellation);

    /// <inheritdoc cref="ResolveAsync(IImageStore, string, Platform, bool, CancellationToken)"/>
    /// <param name="stored">The manifest or index to start from.</param>
    public static async Task<StoredImage> ResolveAsync(
        IImageStore store, StoredManifest stored, Platform platform, bool preferAccelerated, CancellationToken cancellation)
    {
        string tagOrDigest = stored.Digest.ToString();
        for (int depth = 0; MediaTypes.IsIndex(stored.MediaType); depth++)
        {
            if (depth == MaxIndexDepth) throw new InvalidFormatException("image index", $"{stored.Digest}: indexes are nested more than {MaxIndexDepth} deep");
            ImageIndex index = ImageIndex.Parse(stored.Content.Span, stored.MediaType);
            Descriptor chosen = Choose(index, platform, preferAccelerated)
                ?? throw new SluiceException(SluiceError.NotFound, store.Name, $"{tagOrDigest} has no image for {Text(platform)}", $"it has: {Offered(index)}; choose with --platform");
            stored = await store.GetManifestAsync(chosen.Digest.ToString(), cancellation);
        }

        return StoredImage.Of(store, stored);
    }

    private static Descriptor? Choose(ImageIndex index, Platform platform, bool preferAccelerated)
    {
        IReadOnlyList<Descriptor> fitting = index.Select(platform);
        return (preferAccelerated ? fitting.FirstOrDefault(IsAccelerated) : null) ?? (fitting.Count > 0 ? fitting[0] : null);
    }

    private static bool IsAccelerated(Descriptor entry) =>
        entry.ArtifactType is MediaTypes.NydusManifestArtifact or MediaTypes.OverlayBdManifestArtifact || entry.Platform?.OsFeatures?.Contains(NydusAnnotations.OsFeature) == true;

    private static string Offered(ImageIndex index) =>
        string.Join(", ", index.Manifests.Where(m => m.Platform is { Os: not "unknown" }).Select(m => Text(m.Platform!)).Distinct());

    private static string Text(Platform platform) =>
        $"{platform.Os}/{platform.Architecture}{(platform.Variant is null ? "" : "/" + platform.Variant)}";
}
