using System.Globalization;
using Sluice.Containerd.Files;
using Sluice.Formats;

namespace Sluice.Containerd.Snapshots.Overlay;

/// <summary>
/// The directories of snapshots below a root.
/// <code>
/// snapshots/ID/fs      what the snapshot changes; root directory of the mount
/// snapshots/ID/work    overlayfs' work directory, active snapshots only
/// snapshots/ID/checked mark: a layer that was compared with its digests here, and not by containerd
/// snapshots/ID/block   files of a container's own disk
/// snapshots/new-*      being made; nobody refers to it yet
/// snapshots/rm-*       being removed; nobody refers to it any more
/// </code>
/// A crash leaves at most directories without a row, which <see cref="Orphans"/> finds. The id of a recorded snapshot is never used again.
/// </summary>
internal sealed class SnapshotDirectories
{
    private const string NewPrefix = "new-";
    private const string RemovedPrefix = "rm-";
    private const string Checked = "checked";

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode WorkMode = Private | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
    private const UnixFileMode RootMode = WorkMode | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly string _snapshots;

    /// <param name="root">Made (0700) when it is missing.</param>
    public SnapshotDirectories(string root)
    {
        if (!Path.IsPathRooted(root)) throw new SluiceException(SluiceError.Configuration, root, "the root of the snapshots must be an absolute path");
        if (root.AsSpan().ContainsAny(":,\\")) throw new SluiceException(SluiceError.Configuration, root, "the root may not contain ':', ',' or '\\': they separate the options of overlayfs");
        _snapshots = Path.Combine(root, "snapshots");
        Directory.CreateDirectory(root, Private);
        Directory.CreateDirectory(_snapshots, Private);
    }

    public string Fs(long id) => Path.Combine(Of(id), "fs");

    public string Work(long id) => Path.Combine(Of(id), "work");

    public string Block(long id) => Path.Combine(Of(id), "block");

    /// <summary>True for a layer whose <see cref="MarkChecked">directory was marked</see>.</summary>
    public bool IsChecked(long id) => File.Exists(Path.Combine(Of(id), Checked));

    /// <summary>Before <see cref="Publish"/>: nobody but this node has unpacked what is in the directory.</summary>
    public static void MarkChecked(string temporary) => File.WriteAllBytes(Path.Combine(temporary, Checked), []);

    /// <summary>Makes the directories of a new snapshot under a temporary name.</summary>
    public string Create(bool writable)
    {
        string path = Path.Combine(_snapshots, NewPrefix + Guid.NewGuid().ToString("n"));
        Directory.CreateDirectory(path, Private);
        MakeExactly(Path.Combine(path, "fs"), RootMode);
        if (writable) MakeExactly(Path.Combine(path, "work"), WorkMode);
        return path;
    }

    /// <summary>
    /// Gives the directories of <see cref="Create"/> their final place. What is there belongs to a transaction with the same id that was
    /// never committed.
    /// </summary>
    public void Publish(string temporary, long id)
    {
        Detach(Of(id));
        Directory.Move(temporary, Of(id));
    }

    /// <summary>Restores what the snapshot can lose without losing data; false when its contents are gone.</summary>
    public bool Heal(long id, bool writable)
    {
        if (!Directory.Exists(Fs(id))) return false;
        if (writable && !Directory.Exists(Work(id))) MakeExactly(Work(id), WorkMode);
        return true;
    }

    /// <summary>Names of directories that are neither a known snapshot's nor already <see cref="Detach">detached</see>, and those that are.</summary>
    public IReadOnlyList<string> Orphans(IReadOnlySet<long> known) =>
        [.. Directory.EnumerateDirectories(_snapshots).Where(path => !IsKnown(Path.GetFileName(path), known))];

    /// <summary>Moves a directory out of the way, so that a half-removed tree is never taken for a snapshot. Null when there is none.</summary>
    public string? Detach(string path)
    {
        if (!Directory.Exists(path)) return null;
        string name = Path.GetFileName(path);
        if (name.StartsWith(RemovedPrefix, StringComparison.Ordinal)) return path;
        string removed = Path.Combine(_snapshots, $"{RemovedPrefix}{name}-{Guid.NewGuid():n}");
        Directory.Move(path, removed);
        return removed;
    }

    public string Of(long id) => Path.Combine(_snapshots, id.ToString(CultureInfo.InvariantCulture));

    private static bool IsKnown(string name, IReadOnlySet<long> known) =>
        long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out long id) && known.Contains(id);

    /// <summary>The umask of the daemon must not show in containers.</summary>
    private static void MakeExactly(string path, UnixFileMode mode)
    {
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, mode);
    }
}
