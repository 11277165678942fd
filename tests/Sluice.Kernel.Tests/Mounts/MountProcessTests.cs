using Sluice.Formats;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Tests.Support;
using Sluice.Testing;

namespace Sluice.Kernel.Tests.Mounts;

public sealed class MountProcessTests
{
    [Fact]
    public async Task A_killed_child_is_replaced()
    {
        Root.Required();
        using var directory = new TemporaryDirectory();
        string target = Directory.CreateDirectory(directory.File("t")).FullName;
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), _ => { });
        await mounts.MountTmpfsAsync(target, 1 << 20);
        using (var child = System.Diagnostics.Process.GetProcessById(mounts.ChildId!.Value))
        {
            child.Kill();
            await child.WaitForExitAsync();
        }

        Assert.True(await mounts.DetachAsync(target));
    }

    [Fact]
    public async Task Children_end_with_their_parent_and_not_before()
    {
        Root.Required();
        using var directory = new TemporaryDirectory();
        // The pipe's write end is the parent here, and the child is ready when it reads from it; a signal to the group does not end the child, the end of input does.
        string log = await Command.ShellAsync($"mkfifo {directory.File("in")}; {Environment.ProcessPath} {MountChild.Argument} '' '' < {directory.File("in")} > {directory.File("out")} & child=$!; " +
            $"exec 3> {directory.File("in")}; for i in $(seq 300); do grep -q pipe_read /proc/$child/wchan && break; sleep 0.1; done; kill -INT $child; kill -TERM $child; sleep 0.1; kill -0 $child && echo alive; exec 3>&-; wait $child; echo exit $?");
        Assert.Equal("alive\nexit 0\n", log);
    }

    [Fact]
    public async Task A_mount_that_hangs_is_given_up_and_the_next_one_works()
    {
        Root.Required();
        using var directory = new TemporaryDirectory();
        string blob = directory.File("blob");
        string boot = directory.File("boot");
        string tree = await ErofsMountTests.SampleTree(directory.Path);
        await Command.ShellAsync($"mkfs.erofs --quiet --blobdev={blob} --chunksize=4096 {boot} {tree}");
        string image = Directory.CreateDirectory(directory.File("image")).FullName;
        string disks = directory.File("disks");
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions { Deadline = TimeSpan.FromSeconds(3) }, _ => { });
        await using (Victim victim = await Victim.StartAsync(disks, "local", blob))
        {
            await victim.StopAsync();
            SluiceException late = await Assert.ThrowsAsync<SluiceException>(() => mounts.MountErofsAsync(
                new ErofsMount { Bootstrap = boot, Devices = [Path.Combine(disks, "blob")], Target = image }));
            Assert.Equal((SluiceError.Timeout, image), (late.Error, late.Culprit));
            await mounts.MountTmpfsAsync(image, 1 << 20);
            Assert.True(await mounts.DetachAsync(image));
        }

        Assert.True(await mounts.DetachAsync(disks));
        Assert.Empty(MountTable.Below(directory.Path));
    }

    [Fact]
    public async Task Overlay_bind_and_tmpfs_stand_and_fall()
    {
        Root.Required();
        using var directory = new TemporaryDirectory();
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), _ => { });
        string Make(string name) => Directory.CreateDirectory(directory.File(name)).FullName;
        string a = Make("a,1:x"), b = Make("b \\2"), upper = Make("upper"), work = Make("work"), merged = Make("mer ged"), bound = Make("bound"), memory = Make("memory");
        await File.WriteAllTextAsync(Path.Combine(a, "f"), "from a");
        await File.WriteAllTextAsync(Path.Combine(b, "f"), "from b");
        await File.WriteAllTextAsync(Path.Combine(b, "g"), "from b");
        await mounts.MountOverlayAsync(new OverlayMount { Lower = [a, b], Upper = upper, Work = work, Target = merged });
        Assert.Equal("from a", await File.ReadAllTextAsync(Path.Combine(merged, "f")));
        Assert.Equal("from b", await File.ReadAllTextAsync(Path.Combine(merged, "g")));
        await File.WriteAllTextAsync(Path.Combine(merged, "h"), "new");
        Assert.True(File.Exists(Path.Combine(upper, "h")));
        Assert.Equal("overlay", MountTable.Find(merged)!.Type);
        await mounts.BindAsync(merged, bound, readOnly: true);
        Assert.True(MountTable.Find(bound)!.IsReadOnly);
        Assert.ThrowsAny<IOException>(() => File.WriteAllText(Path.Combine(bound, "i"), ""));
        await mounts.MountTmpfsAsync(memory, 1 << 20);
        Assert.Equal([memory, bound, merged], MountTable.Below(directory.Path).Select(entry => entry.MountPoint));
        foreach (MountEntry entry in MountTable.Below(directory.Path)) Assert.True(await mounts.DetachAsync(entry.MountPoint));
        Assert.Empty(MountTable.Below(directory.Path));
    }

    [Fact]
    public async Task An_overlay_takes_more_layers_than_fit_a_page_of_options()
    {
        Root.Required();
        if (KernelFeatures.Probe(Path.GetTempPath()).Version < new Version(6, 8)) Assert.Skip("needs lowerdir+ of Linux 6.8");
        using var directory = new TemporaryDirectory();
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), _ => { });
        string[] lower = [.. Enumerable.Range(0, 100).Select(i => Directory.CreateDirectory(directory.File(new string('l', 100) + i)).FullName)];
        for (int i = 0; i < lower.Length; i++) await File.WriteAllTextAsync(Path.Combine(lower[i], $"f{i}"), "x");
        string merged = Directory.CreateDirectory(directory.File("merged")).FullName;
        await mounts.MountOverlayAsync(new OverlayMount { Lower = lower, Target = merged });
        Assert.Equal(100, Directory.GetFiles(merged).Length);
        Assert.True(await mounts.DetachAsync(merged));
    }

    [Fact]
    public async Task An_executable_that_is_no_mount_process_is_named()
    {
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions { Executable = "/bin/true" }, _ => { });
        SluiceException failed = await Assert.ThrowsAsync<SluiceException>(() => mounts.DetachAsync("/nowhere"));
        Assert.Contains("/bin/true", failed.Hint, StringComparison.Ordinal);
        Assert.Throws<SluiceException>(() => MountProcess.Start(new MountProcessOptions { Executable = "/nowhere" }, _ => { }));
    }
}
