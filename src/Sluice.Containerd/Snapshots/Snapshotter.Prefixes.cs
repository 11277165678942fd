using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Containerd.Snapshots.Metadata;

namespace Sluice.Containerd.Snapshots;

/// <content>Layers of a lazy image that are an image by themselves, together with those below them.</content>
public sealed partial class Snapshotter
{
    /// <summary>What containers on a stack of lazy layers run on: the image, or prefix, that ends there. Null if it is not here.</summary>
    public LazyImage? FindImage(string chainId) => _database.Read(query => query.FindLazy(chainId) is { } top ? FindImage(query, top) : null);

    /// <summary>True if a namespace of containerd has the stack of layers as ordinary ones, unpacked.</summary>
    public bool IsUnpacked(string containerNamespace, string chainId) => _database.Read(query => query.IsUnpacked(containerNamespace, chainId));

    /// <summary>Releases an image that a pull has begun with, unless snapshots refer to it.</summary>
    public Task ReleaseUnusedAsync(LazyImageKey image) => _mounts.ReleaseAsync(image, () => _database.Read(query => query.IsMountable(image)));

    /// <summary>What containers on this layer run on; null for an ordinary layer, or a part of an image that is nothing by itself.</summary>
    private LazyImage? FindImage(SnapshotQueries query, SnapshotRecord layer) => layer.Layer is { Completes: true } whole ? whole.Image : FindPrefix(query, layer);

    /// <summary>The image that ends in this layer though the layer does not complete the one it was recorded with; null if there is none.</summary>
    private LazyImage? FindPrefix(SnapshotQueries query, SnapshotRecord layer)
    {
        if (layer.Layer is not { Completes: false }) return null;
        IReadOnlyList<SnapshotRecord> chain = query.Chain(layer.Id, withLabels: true);
        return chain.All(record => record.Layer is not null) ? FindPrefix(layer, [.. chain.Reverse().Select(record => record.Info.Labels)]) : null;
    }

    private List<LazyImage> FindPrefixes(SnapshotQueries query)
    {
        Dictionary<long, IReadOnlyDictionary<string, string>[]> chains = [];
        List<LazyImage> found = [];
        foreach (SnapshotRecord layer in query.LazyLayers())
        {
            if (layer.ParentId is { } below && !chains.ContainsKey(below)) continue;
            chains[layer.Id] = [.. layer.ParentId is { } parent ? chains[parent] : [], layer.Info.Labels];
            if (FindPrefix(layer, chains[layer.Id]) is { } prefix) found.Add(prefix);
        }

        return found;
    }

    private LazyImage? FindPrefix(SnapshotRecord layer, IReadOnlyList<IReadOnlyDictionary<string, string>> labels) =>
        layer.Layer is { Completes: false } inner ? _images.FindPrefix(inner.Image.Reference, labels) : null;
}
