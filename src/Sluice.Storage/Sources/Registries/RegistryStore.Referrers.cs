using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Registries;

/// <content>Referrers, also in registries that know nothing of them. Source: OCI distribution-spec 1.1, "listing referrers".</content>
public sealed partial class RegistryStore
{
    public async Task<IReadOnlyList<Descriptor>> GetReferrersAsync(Digest subject, string? artifactType, CancellationToken cancellation)
    {
        string path = $"{Repository}/referrers/{subject}" + (artifactType is null ? "" : $"?artifactType={Uri.EscapeDataString(artifactType)}");
        ImageIndex? index;
        try
        {
            index = await TryHostsAsync(HostCapabilities.Resolve, (host, _, token) => GetIndexAsync(host, path, subject, token), cancellation).ConfigureAwait(false);
        }
        catch (RegistryFault fault) when (fault.Error == SluiceError.NotFound)
        {
            index = (await GetFallbackAsync(subject, cancellation).ConfigureAwait(false))?.Index;
        }

        // A registry may ignore the filter.
        return index is null ? [] : [.. index.Manifests.Where(entry => artifactType is null || entry.ArtifactType == artifactType)];
    }

    private async Task<ImageIndex?> GetIndexAsync(RegistryHost host, string path, Digest subject, CancellationToken cancellation)
    {
        string what = $"referrers of {subject}";
        (HttpResponseMessage response, byte[] content) = await ReadAsync(host, () => new(HttpMethod.Get, host.Address(path)), what, OciLimits.Manifest, cancellation).ConfigureAwait(false);
        using (response)
        {
            // Some registries answer unknown paths with a page for people.
            if (response.Content.Headers.ContentType?.MediaType != MediaTypes.OciIndex) throw new RegistryFault(SluiceError.NotFound, host.Name, $"{what} are not listed");
            return ImageIndex.Parse(content);
        }
    }

    /// <summary>The index behind the tag that stands for the referrers of a manifest; null if there is none.</summary>
    private async Task<(ImageIndex Index, StoredManifest Stored)?> GetFallbackAsync(Digest subject, CancellationToken cancellation)
    {
        try
        {
            StoredManifest stored = await GetManifestAsync(Referrers.FallbackTag(subject), cancellation).ConfigureAwait(false);
            return MediaTypes.IsIndex(stored.MediaType) ? (ImageIndex.Parse(stored.Content.Span, stored.MediaType), stored) : null;
        }
        catch (RegistryFault fault) when (fault.Error == SluiceError.NotFound)
        {
            return null;
        }
    }

    /// <summary>Adds to the fallback list. Two writers at once may lose an entry: the protocol has no lock.</summary>
    private async Task AddReferrerAsync(Digest subject, Descriptor referrer, CancellationToken cancellation)
    {
        ImageIndex index = (await GetFallbackAsync(subject, cancellation).ConfigureAwait(false))?.Index ?? new ImageIndex { Manifests = [] };
        if (index.Manifests.Any(entry => entry.Digest == referrer.Digest)) return;
        byte[] content = (index with { Manifests = [.. index.Manifests, referrer] }).ToBytes();
        StoredManifest list = new(MediaTypes.OciIndex, Digest.Sha256(content), content);
        await TryAsync(token => PutAsync(list, Referrers.FallbackTag(subject), token), cancellation).ConfigureAwait(false);
    }
}
