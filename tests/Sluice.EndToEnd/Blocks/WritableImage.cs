using System.Globalization;
using Sluice.EndToEnd.Harness;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;
using Sluice.Testing;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Blocks;

/// <summary>The golden stack, an ext4 of 1 GiB without a journal, mounted for writing, and what tests do to it.</summary>
internal static class WritableImage
{
    public static readonly string Name = $"overlaybd:{Golden.Path("overlaybd/tar/stack3.config.v1.json")}";

    /// <summary>Mounts it on <c>mnt</c>, with the writable layer in <c>upper</c> of the workspace or in <paramref name="upper"/>.</summary>
    public static Task<MountedImage> MountAsync(Workspace workspace, string? kind = null, string? upper = null)
    {
        string[] type = kind is null ? [] : ["--upper-type", kind];
        return MountedImage.MountAsync(workspace, Name, "mnt", ["--upper", upper ?? workspace.File("upper"), .. type]);
    }

    /// <summary>Runs a script in the mount; it must succeed.</summary>
    public static async Task<string> ShellAsync(MountedImage image, string script)
    {
        (int exitCode, string output) = await Command.RunAsync("/bin/bash", ["-c", "set -e; " + script], directory: image.Directory);
        Assert.True(exitCode == 0, output);
        return output;
    }

    /// <summary>Kills the serving process and then its keeper, so that nobody can take the mount over.</summary>
    public static async Task KillAsync(Workspace workspace, MountedImage image)
    {
        await Command.RunAsync("/bin/kill", ["-KILL", image.ProcessId.ToString(CultureInfo.InvariantCulture)]);
        await TestMachine.UntilAsync(() => !image.IsServed, "the killed process is gone");
        KeeperProcess.Stop(workspace.File("mnt-state"), anyway: true);
    }

    /// <summary>e2fsck finds nothing to do on the device, which is made read-only for it.</summary>
    public static async Task AssertCleanAsync(MountedImage image)
    {
        string device = MountTable.Find(image.Directory)!.Source;
        (int remounted, string refused) = await Command.RunAsync("mount", ["-o", "remount,ro", image.Directory]);
        Assert.True(remounted == 0, refused);
        (int exitCode, string output) = await Command.RunAsync(Command.Require("e2fsck"), ["-fn", device]);
        Assert.True(exitCode == 0, output);
    }

    /// <summary>Bytes that the files of a writable layer take on the disk.</summary>
    public static async Task<long> AllocatedAsync(string upper)
    {
        (_, string output) = await Command.RunAsync("du", ["-s", "-B1", upper]);
        return long.Parse(output.Split('\t')[0], CultureInfo.InvariantCulture);
    }
}
