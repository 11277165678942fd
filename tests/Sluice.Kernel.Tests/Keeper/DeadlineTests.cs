using Sluice.Kernel.Fuse;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Tests.Support;

namespace Sluice.Kernel.Tests.Keeper;

/// <summary>Nobody waits for ever for a daemon that stays away.</summary>
public sealed class DeadlineTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(300);

    [Fact]
    public async Task Without_a_daemon_readers_get_errors_until_one_comes()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        string blob = keeper.File("blob");
        new PatternDisk("blob", 3 << 20, 9).WriteTo(blob);
        using (await keeper.OpenAsync(Short))
        {
            await using Victim victim = await Victim.StartKeptAsync(keeper.State, keeper.Disks, "hanging", blob);
            Task<Command.Result> asked = Command.RunAsync("cat", Path.Combine(keeper.Disks, "blob"));
            await victim.AskedAsync();
            await victim.KillAsync();
            Task<Command.Result> unasked = Command.RunAsync("stat", Path.Combine(keeper.Disks, "other"));
            AssertFailed(await asked);
            AssertFailed(await unasked);
            AssertFailed(await Command.RunAsync("head", "-c1", Path.Combine(keeper.Disks, "blob")));
        }

        Assert.Contains("disks: nobody has served it for 0.3 s: requests get EIO until a daemon comes", keeper.Log, StringComparison.Ordinal);
        using KeeperProcess successor = await keeper.OpenAsync();
        await using DiskServer server = await SuccessionTests.AdoptAsync(keeper, successor.Take(), blob);
        Assert.Equal(await Command.Sha256Async(blob), await Command.Sha256Async(Path.Combine(keeper.Disks, "blob")));
    }

    [Fact]
    public async Task Writers_and_syncs_get_errors_too()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        using KeeperProcess client = await keeper.OpenAsync(Short);
        await using Victim victim = await Victim.StartKeptAsync(keeper.State, keeper.Disks, "writable", "disk");
        string disk = Path.Combine(keeper.Disks, "disk");
        Task<Command.Result> sync = Command.RunAsync("dd", "if=/dev/zero", $"of={disk}", "bs=256K", "count=2", "conv=notrunc,fsync");
        await victim.AskedAsync();
        await victim.KillAsync();
        Assert.NotEqual(0, (await sync).ExitCode);
        Command.Result write = await Command.RunAsync("dd", "if=/dev/zero", $"of={disk}", "bs=1M", "count=1", "conv=notrunc,fsync");
        Assert.NotEqual(0, write.ExitCode);
    }

    [Fact]
    public async Task The_deadline_of_one_connection_is_none_of_another_that_is_served()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        string blob = keeper.File("blob");
        new PatternDisk("blob", 1 << 20, 10).WriteTo(blob);
        using KeeperProcess idle = await keeper.OpenAsync(Short);
        await using Victim served = await Victim.StartKeptAsync(keeper.State, keeper.Disks, "hanging", blob);
        Task<Command.Result> reader = Command.RunAsync("cat", Path.Combine(keeper.Disks, "blob"));
        await served.AskedAsync();
        await using (await Victim.StartKeptAsync(keeper.State, keeper.File("second"), "hanging", blob))
        {
        }

        await Wait.UntilAsync(() => keeper.Log.Contains("second: nobody has served it", StringComparison.Ordinal));
        Assert.DoesNotContain("disks: nobody", keeper.Log, StringComparison.Ordinal);
        Assert.False(reader.IsCompleted);
        await served.KillAsync();
        AssertFailed(await reader);
    }

    private static void AssertFailed(Command.Result result)
    {
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("Input/output error", result.Errors, StringComparison.Ordinal);
    }
}
