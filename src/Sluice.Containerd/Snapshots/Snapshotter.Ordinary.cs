using Sluice.Containerd.Files;
using Sluice.Containerd.Snapshots.Metadata;
using Sluice.Containerd.Snapshots.Ordinary;
using Sluice.Containerd.Snapshots.Overlay;

namespace Sluice.Containerd.Snapshots;

/// <content>Layers of ordinary images that containerd need not bring.</content>
public sealed partial class Snapshotter
{
    /// <summary>As <see cref="TryCommitLazilyAsync"/>, of an ordinary layer: it is here when this returns true.</summary>
    private async Task<bool> TryCommitOrdinaryAsync(
        string key, string parent, string reference, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        if (_support.UserXattr) return false; // the layers' own marks are of the other namespace
        using IDisposable held = await _ordinaryLocks.EnterAsync(reference, cancellation);
        IReadOnlyList<SnapshotRecord> known = _database.Read(query => query.FindOrdinary(reference, parent));
        if (known.Any(record => !_directories.IsChecked(record.Id))) return false; // somebody's with the same label, which containerd might find and one namespace must not trust of another
        if (known.Any(record => _directories.Heal(record.Id, writable: false))) return true;
        if (FindLowers(parent) is not { } lowers) return false;
        using IOrdinaryLayer? layer = await _ordinary.FindAsync(labels, cancellation);
        if (layer is null || !layer.TryFit(lowers)) return false;
        (long size, long inodes) = TreeUsage.Measure(Path.Combine(layer.Directory, "fs"), cancellation);
        SnapshotDirectories.MarkChecked(layer.Directory);
        _database.Write(change =>
        {
            string name = NameOf(change, key, reference);
            long id = change.Insert(SnapshotKind.Committed, name, FindParent(change, parent)?.Id, _time.GetUtcNow(), labels);
            change.Commit(id, name, new SnapshotUsage(size, inodes), _time.GetUtcNow(), labels);
            _directories.Publish(layer.Directory, id);
            return 0;
        });
        Log.OrdinaryLayer(_logger, reference);
        return true;
    }

    /// <summary>Directories of a committed snapshot and those below it, nearest first; null: one of them has none.</summary>
    private List<string>? FindLowers(string parent)
    {
        IReadOnlyList<SnapshotRecord> chain = _database.Read(query => FindParent(query, parent) is { } nearest ? query.Chain(nearest.Id) : []);
        return chain.All(record => record.Layer is null && _directories.Heal(record.Id, writable: false)) ? [.. chain.Select(record => _directories.Fs(record.Id))] : null;
    }
}
