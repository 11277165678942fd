using System.Diagnostics;
using Sluice.Kernel.Mounts;

namespace Sluice.EndToEnd.Harness;

/// <summary>A temporary directory in which things get mounted. In the end the mounts go first, so that nothing is deleted through one.</summary>
internal sealed class Workspace : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("sluice-e2e-").FullName;

    public string File(string name) => Path.Combine(Root, name);

    /// <summary>Makes a directory.</summary>
    public string MakeDirectory(string name) => Directory.CreateDirectory(File(name)).FullName;

    /// <summary>Mounts at and below a name, topmost first.</summary>
    public IReadOnlyList<MountEntry> Mounts(string name = "") => MountTable.Below(File(name));

    public void Dispose()
    {
        Leftovers.End(Root, [.. States()]);

        // Not Directory.Delete: unpacked images hold names that are not UTF-8, which .NET can't delete.
        using Process remove = Process.Start("rm", ["-rf", "--one-file-system", Root]);
        remove.WaitForExit();
    }

    /// <summary>State directories with a keeper, at most two levels down. Looks into no mount: what nobody serves does not answer.</summary>
    private IEnumerable<string> States()
    {
        HashSet<string> mounted = [.. Mounts().Select(mount => mount.MountPoint)];
        IEnumerable<string> Inside(string directory) => Directory.GetDirectories(directory).Where(inner => !mounted.Contains(inner));
        return Inside(Root).SelectMany(directory => Inside(directory).Append(directory)).Where(directory => System.IO.File.Exists(Path.Combine(directory, "keeper.sock"))).ToList();
    }
}
