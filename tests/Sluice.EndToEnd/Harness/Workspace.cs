using System.Diagnostics;
using Sluice.Kernel.Keeper;
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
        foreach (string socket in Directory.EnumerateFiles(Root, "keeper.sock", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2 })) KeeperProcess.Stop(Path.GetDirectoryName(socket)!, anyway: true);
        foreach (MountEntry mount in Mounts()) MountCalls.Detach(mount.MountPoint);

        // Not Directory.Delete: unpacked images hold names that are not UTF-8, which .NET can't delete.
        using Process remove = Process.Start("rm", ["-rf", "--one-file-system", Root]);
        remove.WaitForExit();
    }
}
