using Sluice.Containerd.Files;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Containerd.Snapshots.Metadata;

namespace Sluice.Containerd.Snapshots;

public sealed partial class Snapshotter
{
    /// <summary>
    /// Makes a writable snapshot on top of a committed one (or on nothing, when <paramref name="parent"/> is empty). With the
    /// label <see cref="SnapshotLabels.Reference"/> it first asks whether that layer is served lazily; if so the layer is committed under
    /// <paramref name="parent"/>, and the answer is the error AlreadyExists, which tells containerd to skip the download; so it is if the node brings the layer by itself.
    /// </summary>
    public async Task<SnapshotMount> PrepareAsync(string key, string parent, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        if (labels.TryGetValue(SnapshotLabels.Reference, out string? reference) && reference.Length > 0
            && (await TryCommitLazilyAsync(key, parent, reference, labels, cancellation) || await TryCommitOrdinaryAsync(key, parent, reference, labels, cancellation)))
        {
            throw SnapshotErrors.AlreadyExists(reference);
        }

        return await CreateAsync(SnapshotKind.Active, key, parent, labels, cancellation);
    }

    /// <summary>Makes a read-only look at a committed snapshot.</summary>
    public Task<SnapshotMount> ViewAsync(string key, string parent, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation) =>
        CreateAsync(SnapshotKind.View, key, parent, labels, cancellation);

    private async Task<bool> TryCommitLazilyAsync(
        string key, string parent, string reference, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        if (_database.Read(query => query.FindLazy(reference, parent)) is { } known)
        {
            _images.CheckShared(known.Layer!.Image, known.Info.Labels, labels);
            return true;
        }

        LazyLayer? layer = await _images.FindLayerAsync(ChainIdOf(parent), labels, cancellation);
        if (layer is null) return false;
        _database.Write(change =>
        {
            long? parentId = FindParent(change, parent)?.Id;
            if (change.FindLazy(reference, parent) is not null) return 0;
            return change.Insert(SnapshotKind.Committed, NameOf(change, key, reference), parentId, _time.GetUtcNow(), labels, layer);
        });
        Log.LazyLayer(_logger, reference, layer.Image.Reference);
        return true;
    }

    /// <summary>Empty for no parent. containerd's name of a layer ends in its chain id, also where no label says it.</summary>
    private string ChainIdOf(string parent)
    {
        string? reference = _database.Read(query => query.Find(parent))?.Info.Labels.GetValueOrDefault(SnapshotLabels.Reference);
        return reference ?? (SnapshotKey.TryParse(parent, out SnapshotKey key) ? key.Key : parent);
    }

    /// <summary>The namespace and sequence of the key that was asked for make the name as unique as containerd makes its own.</summary>
    private static string NameOf(SnapshotChanges change, string key, string reference)
    {
        string name = SnapshotKey.TryParse(key, out SnapshotKey parsed) ? (parsed with { Key = reference }).ToString() : reference;

        // Only after containerd lost its database: its sequence starts again, and the old layer has another parent.
        return change.Find(name) is null ? name : $"{name}-{Guid.NewGuid():n}";
    }

    private async Task<SnapshotMount> CreateAsync(
        SnapshotKind kind, string key, string parent, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        if (key.Length == 0) throw SnapshotErrors.EmptyKey();
        WriteMode mode = kind == SnapshotKind.Active ? await ChooseModeAsync(key, parent, labels, cancellation) : WriteMode.Overlay;
        SnapshotRecord record = _database.Write(change => Insert(change, kind, key, parent, labels, mode));
        try
        {
            SnapshotMount mount = await MountsOfAsync(record, cancellation);
            if (kind == SnapshotKind.Active && mode == WriteMode.Overlay && record.ParentId is { } parentId) CopyRoot(parentId, record.Id, mount);
            return mount;
        }
        catch
        {
            _database.Write(change =>
            {
                change.Delete(record.Id);
                return 0;
            });
            if (mode != WriteMode.Overlay) await _mounts.DetachAsync(record.Id, _directories.Block(record.Id));
            Delete(_directories.Of(record.Id));
            throw;
        }
    }

    /// <summary>Layers are unpacked into directories, whatever is set for containers.</summary>
    private async Task<WriteMode> ChooseModeAsync(string key, string parent, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        if (labels.ContainsKey(SnapshotLabels.Reference)) return WriteMode.Overlay;
        WriteMode? wanted = labels.TryGetValue(SnapshotLabels.Writable, out string? word) ? WriteModes.Parse(word) ?? throw SnapshotErrors.NoSuchMode(key, word) : null;
        if (_database.Read(query => FindParent(query, parent) is { } below ? FindImage(query, below) : null) is { } image) return await _images.ChooseModeAsync(image, wanted, cancellation);
        return wanted is null or WriteMode.Overlay ? WriteMode.Overlay : throw SnapshotErrors.NoDevice(key);
    }

    private SnapshotRecord Insert(SnapshotChanges change, SnapshotKind kind, string key, string parent, IReadOnlyDictionary<string, string> labels, WriteMode mode)
    {
        long? parentId = FindParent(change, parent)?.Id;
        if (change.Find(key) is not null) throw SnapshotErrors.AlreadyExists(key);
        long id = change.Insert(kind, key, parentId, _time.GetUtcNow(), labels, mode: mode);
        string temporary = _directories.Create(writable: kind == SnapshotKind.Active);
        _directories.Publish(temporary, id);
        return change.Find(key)!;
    }

    /// <summary>Null when <paramref name="parent"/> is empty.</summary>
    private static SnapshotRecord? FindParent(SnapshotQueries query, string parent)
    {
        if (parent.Length == 0) return null;
        SnapshotRecord record = query.Find(parent) ?? throw SnapshotErrors.ParentNotFound(parent);
        return record.Info.Kind == SnapshotKind.Committed ? record : throw SnapshotErrors.ParentNotCommitted(parent);
    }

    /// <summary>overlayfs shows owner and mode of the upper directory as those of the container's root: take them from the parent.</summary>
    private void CopyRoot(long parentId, long id, SnapshotMount mount)
    {
        const string lowerOption = "lowerdir=";
        string lowers = mount.Options.First(option => option.StartsWith(lowerOption, StringComparison.Ordinal))[lowerOption.Length..];
        string nearest = lowers.Split(':', 2)[0];
        if (!FileStatus.TryRead(nearest, out FileStatus status)) throw SnapshotErrors.DirectoryLost($"{parentId}", nearest);
        FileOwnership.Apply(_directories.Fs(id), status);
    }
}
