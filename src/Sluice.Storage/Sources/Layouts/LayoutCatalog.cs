using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Layouts;

/// <summary>Finds images in a layout's <c>index.json</c> and the indexes below it.</summary>
/// <param name="name">The culprit of errors.</param>
/// <param name="open">Opens a blob, verified.</param>
/// <param name="sizeOf">Size of a blob in bytes; throws if it does not exist.</param>
internal sealed class LayoutCatalog(ImageIndex root, string name, Func<Descriptor, CancellationToken, Task<Stream>> open, Func<Digest, long> sizeOf)
{
    public ImageIndex Root => root;

    public IReadOnlyList<string> Tags => [.. root.Manifests.Select(TagOf).OfType<string>().Distinct(StringComparer.Ordinal)];

    /// <summary>A manifest by tag or digest; by digest also one that nothing lists.</summary>
    public async Task<StoredManifest> GetAsync(string tagOrDigest, CancellationToken cancellation)
    {
        if (!Digest.TryParse(tagOrDigest, out Digest digest))
        {
            Descriptor tagged = await FindTagAsync(tagOrDigest, cancellation).ConfigureAwait(false);
            return new StoredManifest(tagged.MediaType, tagged.Digest, await ReadAsync(tagged, cancellation).ConfigureAwait(false));
        }

        Descriptor listed = root.Manifests.FirstOrDefault(entry => entry.Digest == digest) ?? new Descriptor { MediaType = "", Digest = digest, Size = sizeOf(digest) };
        byte[] content = await ReadAsync(listed, cancellation).ConfigureAwait(false);
        return new StoredManifest(listed.MediaType.Length > 0 ? listed.MediaType : MediaTypes.OfManifest(content), digest, content);
    }

    /// <summary>The content of a manifest or index, verified.</summary>
    public async Task<byte[]> ReadAsync(Descriptor manifest, CancellationToken cancellation)
    {
        if (manifest.Size > OciLimits.Manifest)
        {
            throw new SluiceException(SluiceError.Image, name, $"manifest {manifest.Digest} has {manifest.Size} bytes, more than the allowed {OciLimits.Manifest}");
        }

        await using Stream content = await open(manifest, cancellation).ConfigureAwait(false);
        byte[] bytes = new byte[manifest.Size];
        await content.ReadExactlyAsync(bytes, cancellation).ConfigureAwait(false);
        return bytes;
    }

    /// <summary>The entry with a tag, also of nested indexes. An empty tag means the untagged entry or the only one.</summary>
    private async Task<Descriptor> FindTagAsync(string tag, CancellationToken cancellation)
    {
        if (tag.Length == 0) return FindOnly();
        Descriptor? found = root.Manifests.FirstOrDefault(entry => TagOf(entry) == tag)
            ?? root.Manifests.FirstOrDefault(entry => entry.Annotations?.GetValueOrDefault(Annotations.ContainerdImageName) == tag);
        if (found is not null) return found;
        await foreach (Descriptor entry in WalkAsync(cancellation).ConfigureAwait(false))
        {
            if (TagOf(entry) == tag) return entry;
        }

        throw new SluiceException(SluiceError.NotFound, name, $"has no image with the tag '{tag}'", Known());
    }

    /// <summary>Every entry, also of nested indexes, each digest of an index opened once.</summary>
    public async IAsyncEnumerable<Descriptor> WalkAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        HashSet<Digest> opened = [];
        Queue<(ImageIndex Index, int Depth)> pending = new([(root, 0)]);
        while (pending.TryDequeue(out var current))
        {
            foreach (Descriptor entry in current.Index.Manifests)
            {
                yield return entry;
                if (!MediaTypes.IsIndex(entry.MediaType) || !opened.Add(entry.Digest)) continue;
                if (current.Depth == OciLimits.IndexDepth) throw new SluiceException(SluiceError.Image, name, $"nests indexes deeper than {OciLimits.IndexDepth}");
                pending.Enqueue((ImageIndex.Parse(await ReadAsync(entry, cancellation).ConfigureAwait(false), entry.MediaType), current.Depth + 1));
            }
        }
    }

    /// <summary>Descriptors of the entries whose manifest has the subject.</summary>
    public async Task<IReadOnlyList<Descriptor>> FindReferrersAsync(Digest subject, string? artifactType, CancellationToken cancellation)
    {
        Dictionary<Digest, Descriptor> referrers = [];
        await foreach (Descriptor entry in WalkAsync(cancellation).ConfigureAwait(false))
        {
            if (referrers.ContainsKey(entry.Digest) || !(MediaTypes.IsManifest(entry.MediaType) || MediaTypes.IsIndex(entry.MediaType))) continue;
            byte[] content = await ReadAsync(entry, cancellation).ConfigureAwait(false);
            if (Referrers.Describe(new StoredManifest(entry.MediaType, entry.Digest, content)) is (Digest s, Descriptor referrer) && s == subject)
            {
                referrers.Add(entry.Digest, referrer);
            }
        }

        return [.. referrers.Values.Where(referrer => artifactType is null || referrer.ArtifactType == artifactType)];
    }

    public static string? TagOf(Descriptor entry) => entry.Annotations?.GetValueOrDefault(Annotations.RefName);

    private Descriptor FindOnly()
    {
        if (root.Manifests is [Descriptor only]) return only;
        Descriptor[] untagged = [.. root.Manifests.Where(entry => TagOf(entry) is null)];
        return untagged is [Descriptor one]
            ? one
            : throw new SluiceException(
                root.Manifests.Count == 0 ? SluiceError.NotFound : SluiceError.Usage,
                name,
                root.Manifests.Count == 0 ? "holds no image" : $"holds {root.Manifests.Count} images: say which",
                Known());
    }

    private string? Known() => Tags switch
    {
        [] => null,
        { Count: <= 10 } tags => "it has " + string.Join(", ", tags),
        var tags => $"it has {string.Join(", ", tags.Take(10))} and {tags.Count - 10} more",
    };
}
