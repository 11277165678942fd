using System.Globalization;
using System.Text;
using Sluice.Containerd.Snapshots;
using Sluice.Formats;
using Sluice.Formats.Hashing;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Node.Credentials;
using Sluice.Node.Images;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks.Uppers;
using Sluice.Storage.Images;
using Sluice.Storage.Traces;

namespace Sluice.Node.Succession;

/// <summary>
/// The versions of the kinds of files that a program writes and throws away where they are damaged, in <c>root/versions</c>, a line each: <c>map 2</c>; and a last one with the CRC-32C of the others, as a file that is damaged says nothing. What a later program wrote would count as damaged, so who finds a later version there, or a kind that
/// it does not know, touches nothing. A root without this file is of an earlier program.
/// </summary>
internal static class RootVersions
{
    public const string Name = "versions";

    /// <summary>In the order of docs/operations.md, which says what each is. <c>state/mounted</c> says its version itself, and so does <c>metadata.db</c>; but to open that takes time which readers wait for.</summary>
    public static readonly IReadOnlyDictionary<string, long> Known = new Dictionary<string, long>(StringComparer.Ordinal)
    {
        ["metadata.db"] = SnapshotDatabaseVersion.Known,
        ["image.json"] = LocalImages.Version,
        ["image.boot"] = BlockStackFile.Version,
        ["merged-index"] = MergedIndexFile.Version,
        ["map"] = CacheDirectory.MapVersion,
        ["traces"] = TraceFile.Version,
        ["pull-logins"] = LoginMemory.Version,
        ["pending"] = UpperDirectory.PendingVersion,
    };

    /// <summary>Before anything is read that may be thrown away.</summary>
    /// <exception cref="SluiceException"><see cref="SluiceError.Disk"/>: a later program wrote it.</exception>
    public static void Check(string root)
    {
        if (FindLater(Path.Combine(root, Name)) is not { } later) return;
        throw new SluiceException(
            SluiceError.Disk, later.Path, $"a later version of sluice has used this root: {later.What} has version {later.Found}, this program knows {(later.Known == 0 ? "none" : later.Known)}",
            later.What != "metadata.db"
                ? $"start the later one; to go back for good, stop it and unmount everything (systemctl stop sluice; sluice umount --all), then: cd {root} && rm -r cache images traces {Name} (it comes back from the registries)"
                : "start the later one, or use another root");
    }

    /// <summary>For the holder of the root's lock, once it has been checked.</summary>
    public static void Write(string root)
    {
        string path = Path.Combine(root, Name), content = Seal(string.Concat(Known.Select(kind => string.Create(CultureInfo.InvariantCulture, $"{kind.Key} {kind.Value}\n"))));
        try
        {
            if (File.Exists(path) && File.ReadAllText(path) == content) return;
            using (var file = new FileStream(path + ".new", FileMode.Create, FileAccess.Write))
            {
                file.Write(Encoding.ASCII.GetBytes(content));
                file.Flush(flushToDisk: true);
            }

            File.Move(path + ".new", path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A disk that has no room for this has none for what it is about.
        }
    }

    /// <summary>What of a root is of a later program; null: nothing. Changes nothing.</summary>
    public static LaterFile? Find(string root)
    {
        string database = Path.Combine(root, "metadata.db");
        return File.Exists(database) && SnapshotDatabaseVersion.Read(database) is { } schema && schema > SnapshotDatabaseVersion.Known
            ? new LaterFile(database, "schema", schema, SnapshotDatabaseVersion.Known)
            : FindLater(Path.Combine(root, Name));
    }

    /// <summary>Lines with the one that vouches for them.</summary>
    internal static string Seal(string lines) => $"{lines}crc32c {Crc32C.Compute(Encoding.UTF8.GetBytes(lines)):x8}\n";

    private static LaterFile? FindLater(string path)
    {
        if (!File.Exists(path)) return null;
        string content = File.ReadAllText(path);
        int last = content.TrimEnd('\n').LastIndexOf('\n') + 1;
        if (Seal(content[..last]) != content) return null;
        foreach (string line in content[..last].Split('\n'))
        {
            if (line.Split(' ') is [{ } kind, { } version] && long.TryParse(version, CultureInfo.InvariantCulture, out long found) && Known.GetValueOrDefault(kind) is var known && found > known) return new LaterFile(path, kind, found, known);
        }

        return null;
    }
}

/// <param name="Path">The file that says so.</param>
/// <param name="What">Has the version.</param>
/// <param name="Known">The latest that this program knows; 0: none.</param>
internal sealed record LaterFile(string Path, string What, long Found, long Known);
