using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources;

/// <summary>What a manifest says about the manifest that it refers to. Source: OCI distribution-spec 1.1, "listing referrers".</summary>
internal static class Referrers
{
    /// <summary>The subject and the descriptor with which a list of referrers names this manifest; null without subject.</summary>
    public static (Digest Subject, Descriptor Referrer)? Describe(StoredManifest stored)
    {
        if (MediaTypes.IsManifest(stored.MediaType))
        {
            ImageManifest manifest = ImageManifest.Parse(stored.Content.Span, stored.MediaType);
            if (manifest.Subject is null) return null;
            return (manifest.Subject.Digest, stored.ToDescriptor() with { ArtifactType = manifest.EffectiveArtifactType, Annotations = manifest.Annotations });
        }

        if (!MediaTypes.IsIndex(stored.MediaType)) return null;
        ImageIndex index = ImageIndex.Parse(stored.Content.Span, stored.MediaType);
        if (index.Subject is null) return null;
        return (index.Subject.Digest, stored.ToDescriptor() with { ArtifactType = index.ArtifactType, Annotations = index.Annotations });
    }

    /// <summary>The tag that holds the list of referrers in a registry without the referrers API.</summary>
    public static string FallbackTag(Digest subject) => $"{subject.Algorithm}-{subject.Hex}";
}
