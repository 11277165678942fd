using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Syscalls;
using Sluice.Kernel.Tests.Mounts;
using Sluice.Kernel.Tests.Support;
using Sluice.Storage.Disks;
using Sluice.Testing;

namespace Sluice.Kernel.Tests.Fuse;

public sealed class DeadServerTests
{
    [Fact]
    public async Task A_killed_server_leaves_errors_not_hangs_and_its_place_can_be_taken()
    {
        Root.Required();
        using var directory = new TemporaryDirectory();
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), _ => { });
        string tree = await ErofsMountTests.SampleTree(directory.Path);
        string boot = directory.File("boot");
        string blob = directory.File("blob");
        await Command.ShellAsync($"mkfs.erofs --quiet --blobdev={blob} --chunksize=4096 {boot} {tree}");
        string disks = directory.File("disks");
        string image = Directory.CreateDirectory(directory.File("image")).FullName;
        await using (Victim victim = await Victim.StartAsync(disks, "hanging", blob))
        {
            await mounts.MountErofsAsync(new ErofsMount { Bootstrap = boot, Devices = [Path.Combine(disks, "blob")], Target = image });
            Task<Command.Result> reader = Command.RunAsync("cat", Path.Combine(image, "f1"));
            await victim.AskedAsync();
            Task<Command.Result> plain = Command.RunAsync("cat", Path.Combine(disks, "blob"));
            await victim.AskedAsync();
            await victim.KillAsync();
            Assert.NotEqual(0, (await reader).ExitCode);
            Assert.NotEqual(0, (await plain).ExitCode);
        }

        Assert.NotEqual(0, (await Command.RunAsync("ls", disks)).ExitCode);
        Assert.True(await mounts.DetachAsync(image));
        await using (DiskServer server = await DiskServer.StartAsync(new DiskServerOptions { MountPoint = disks }, _ => { }))
        {
            using var disk = new FileDisk("blob", blob);
            await mounts.MountErofsAsync(new ErofsMount { Bootstrap = boot, Devices = [server.Add(disk)], Target = image });
            Assert.Equal(await ErofsMountTests.Listing(tree), await ErofsMountTests.Listing(image));
            Assert.True(await mounts.DetachAsync(image));
        }

        Assert.Empty(MountTable.Below(directory.Path));
    }

    [Fact]
    public async Task A_successor_answers_what_its_predecessor_did_not()
    {
        Root.Required();
        using var directory = new TemporaryDirectory();
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), _ => { });
        string tree = await ErofsMountTests.SampleTree(directory.Path);
        string boot = directory.File("boot");
        string blob = directory.File("blob");
        await Command.ShellAsync($"mkfs.erofs --quiet --blobdev={blob} --chunksize=4096 {boot} {tree}");
        string image = Directory.CreateDirectory(directory.File("image")).FullName;
        var options = new DiskServerOptions { MountPoint = directory.File("disks") };
        var log = new System.Collections.Concurrent.ConcurrentQueue<string>();

        DiskServer first = await DiskServer.StartAsync(options, log.Enqueue);
        if (!first.Session.Resend) Assert.Skip("the kernel can't send requests again");
        var never = new TaskCompletionSource<DiskError>();
        var stuck = new PatternDisk("blob", new FileInfo(blob).Length, 0) { IsLocal = _ => false, Fetch = _ => new ValueTask<DiskError>(never.Task) };
        await mounts.MountErofsAsync(new ErofsMount { Bootstrap = boot, Devices = [first.Add(stuck)], Target = image });
        Task<string>[] readers = [.. Enumerable.Range(1, 3).Select(i => Command.Sha256Async(Path.Combine(image, $"f{i}")))];
        await Wait.UntilAsync(() => first.Counters.Fetching >= 3);

        // What a keeper will do: hold a duplicate while one server goes and the next comes.
        int kept = Libc.Fcntl(first.Descriptor.Number, Libc.F_DUPFD_CLOEXEC, 0);
        await first.LeaveAsync();
        await first.DisposeAsync();
        Assert.NotNull(MountTable.Find(options.MountPoint));
        using var disk = new FileDisk("blob", blob, local: false);
        await using (DiskServer second = await DiskServer.AdoptAsync(
            options, new AdoptedConnection(FuseDescriptor.Adopt(kept), first.Session), [new AdoptedDisk(disk)], log.Enqueue))
        {
            for (int i = 0; i < 3; i++) Assert.Equal(await Command.Sha256Async(Path.Combine(tree, $"f{i + 1}")), await readers[i]);
            Assert.Equal(await ErofsMountTests.Listing(tree), await ErofsMountTests.Listing(image));
            Assert.True(await mounts.DetachAsync(image));
        }

        never.SetResult(DiskError.InputOutput); // the predecessor's late answers go nowhere
        Assert.Empty(MountTable.Below(directory.Path));
        Assert.Empty(log);
    }
}
