using Sluice.Containerd.Files;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Containerd.Snapshots.Metadata;

namespace Sluice.Containerd.Snapshots;

public sealed partial class Snapshotter
{
    private const string LabelsField = "labels";
    private const string LabelPrefix = "labels.";

    /// <summary>Turns an active snapshot into a committed one called <paramref name="name"/>. Its labels are replaced.</summary>
    public void Commit(string name, string key, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        if (name.Length == 0) throw SnapshotErrors.EmptyKey();
        SnapshotRecord? active = _database.Read(query => query.Find(name) is null ? query.Find(key) : throw SnapshotErrors.AlreadyExists(name));
        RequireActive(active, key);
        if (active!.Mode != WriteMode.Overlay) throw SnapshotErrors.HasDisk(key);

        // Before the transaction: a big tree takes seconds, and nobody may write to it any more.
        (long size, long inodes) = TreeUsage.Measure(_directories.Fs(active.Id), cancellation);
        if (inodes == 0) throw SnapshotErrors.DirectoryLost(key, _directories.Fs(active.Id));
        _database.Write(change =>
        {
            if (change.Find(name) is not null) throw SnapshotErrors.AlreadyExists(name);
            SnapshotRecord? record = change.Find(key);
            RequireActive(record, key);
            change.Commit(record!.Id, name, new SnapshotUsage(size, inodes), _time.GetUtcNow(), labels);
            return 0;
        });
    }

    /// <summary>
    /// Changes labels, the only thing that can change. Field paths are <c>labels</c> (all of them) or <c>labels.KEY</c>; none means all.
    /// A label with an empty value is removed.
    /// </summary>
    public SnapshotInfo Update(string name, IReadOnlyDictionary<string, string> labels, IReadOnlyList<string> fieldPaths) => _database.Write(change =>
    {
        SnapshotRecord record = change.Find(name) ?? throw SnapshotErrors.NotFound(name);
        Dictionary<string, string> updated = new(record.Info.Labels, StringComparer.Ordinal);
        foreach (string path in fieldPaths.Count == 0 ? [LabelsField] : fieldPaths)
        {
            if (path == LabelsField)
            {
                updated = new Dictionary<string, string>(labels, StringComparer.Ordinal);
            }
            else if (path.StartsWith(LabelPrefix, StringComparison.Ordinal))
            {
                string label = path[LabelPrefix.Length..];
                updated[label] = labels.GetValueOrDefault(label, "");
            }
            else
            {
                throw SnapshotErrors.Immutable(path, name);
            }
        }

        change.Update(record.Id, _time.GetUtcNow(), updated);
        return change.Find(name)!.Info;
    });

    /// <summary>Committed snapshots answer from the database; an active one is measured, which takes time in proportion to its files.</summary>
    public SnapshotUsage Usage(string name, CancellationToken cancellation)
    {
        SnapshotRecord record = Find(name);
        if (record.Info.Kind != SnapshotKind.Active) return record.Usage;
        (long size, long inodes) = TreeUsage.Measure(record.Mode == WriteMode.Overlay ? _directories.Fs(record.Id) : _directories.Block(record.Id), cancellation);
        return new SnapshotUsage(size, inodes);
    }

    /// <summary>Removes a snapshot without children. The last completing layer of a lazy image releases the image, any other its prefix.</summary>
    public async Task RemoveAsync(string name)
    {
        (SnapshotRecord removed, LazyImage? prefix) = _database.Write(change =>
        {
            SnapshotRecord record = change.Find(name) ?? throw SnapshotErrors.NotFound(name);
            if (change.HasChildren(record.Id)) throw SnapshotErrors.HasChildren(name);
            LazyImage? prefix = FindPrefix(change, record);
            change.Delete(record.Id);
            change.ForgetUnusedImages();
            return (record, prefix);
        });
        if (prefix is not null) await _mounts.ReleaseAsync(prefix.Key, () => _database.Read(query => query.IsInner(removed.Info.Labels[SnapshotLabels.Reference])));
        if (removed.Layer is { } layer)
        {
            await _mounts.ReleaseAsync(layer.Image.Key, () => _database.Read(query => query.IsMountable(layer.Image.Key)));
        }
        else
        {
            if (removed.Mode != WriteMode.Overlay) await _mounts.DetachAsync(removed.Id, _directories.Block(removed.Id));
            if (!_removeLater) Delete(_directories.Of(removed.Id));
        }
    }

    /// <summary>Deletes every directory that no snapshot owns: of removed snapshots, and what a crash has left.</summary>
    public void Cleanup()
    {
        // Inside a write nobody is between making a directory and recording it.
        IReadOnlyList<string?> orphans = _database.Write(change => _directories.Orphans(change.AllIds()).Select(_directories.Detach).ToList());
        foreach (string? orphan in orphans) Delete(orphan);
    }

    private static void RequireActive(SnapshotRecord? record, string key)
    {
        if (record is null) throw SnapshotErrors.NotFound(key);
        if (record.Info.Kind != SnapshotKind.Active) throw SnapshotErrors.NotActive(key);
    }

    /// <summary>The snapshot is gone from the database already: a failure costs disk space until the next cleanup, nothing else.</summary>
    private void Delete(string? directory)
    {
        if (directory is null) return;
        try
        {
            string? detached = _directories.Detach(directory);
            if (detached is not null) TreeRemoval.Remove(detached);
        }
        catch (DirectoryNotFoundException)
        {
            // A concurrent cleanup was faster.
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Log.RemovalFailed(_logger, directory, exception);
        }
    }
}
