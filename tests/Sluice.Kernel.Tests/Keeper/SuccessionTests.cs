using Sluice.Kernel.Fuse;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Tests.Support;

namespace Sluice.Kernel.Tests.Keeper;

/// <summary>A connection outlives the process that serves it, and its successor goes on.</summary>
public sealed class SuccessionTests
{
    private static readonly FuseSession Session = new((int)FuseLayout.MinorVersion, Passthrough: false, Resend: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Reads_of_a_killed_server_are_answered_by_its_successor(bool group)
    {
        Root.Required();
        using var keeper = new TestKeeper();
        string blob = keeper.File("blob");
        new PatternDisk("blob", 3 << 20, 7).WriteTo(blob);
        await using Victim victim = await Victim.StartKeptAsync(keeper.State, keeper.Disks, "hanging", blob);
        Task<string> reader = Command.Sha256Async(Path.Combine(keeper.Disks, "blob"));
        await victim.AskedAsync();
        await (group ? victim.KillGroupAsync() : victim.KillAsync());
        Task<string> later = Command.Sha256Async(Path.Combine(keeper.Disks, "blob"));

        using KeeperProcess successor = await keeper.OpenAsync();
        await using (DiskServer server = await AdoptAsync(keeper, successor.Take(), blob))
        {
            Assert.Equal(await Command.Sha256Async(blob), await reader);
            Assert.Equal(await Command.Sha256Async(blob), await later);
        }

        successor.Release("disks");
        Assert.Empty(keeper.Names());
    }

    [Fact]
    public async Task One_keeper_serves_many_successions()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        string blob = keeper.File("blob");
        new PatternDisk("blob", 1 << 20, 8).WriteTo(blob);
        string expected = await Command.Sha256Async(blob);
        await using Victim victim = await Victim.StartKeptAsync(keeper.State, keeper.Disks, "hanging", blob);
        Task<string> reader = Command.Sha256Async(Path.Combine(keeper.Disks, "blob"));
        await victim.AskedAsync();
        await victim.KillAsync();
        for (int i = 0; i < 3; i++)
        {
            using KeeperProcess successor = await keeper.OpenAsync();
            DiskServer server = await AdoptAsync(keeper, successor.Take(), blob);
            Assert.Equal(expected, await reader);
            await server.LeaveAsync();
            await server.DisposeAsync();
            reader = Command.Sha256Async(Path.Combine(keeper.Disks, "blob"));
        }

        using KeeperProcess last = await keeper.OpenAsync();
        await using DiskServer end = await AdoptAsync(keeper, last.Take(), blob);
        Assert.Equal(expected, await reader);
    }

    [Fact]
    public async Task A_killed_keeper_is_replaced_by_one_that_holds_the_same()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        using KeeperProcess client = await keeper.OpenAsync();
        await using DiskServer server = await DiskServer.StartAsync(new DiskServerOptions { MountPoint = keeper.Disks }, _ => { });
        client.Keep("disks", server.Descriptor);
        int first = keeper.Process;
        using var killed = System.Diagnostics.Process.GetProcessById(first);
        await keeper.SignalAsync("KILL");
        await killed.WaitForExitAsync();
        await Wait.UntilAsync(() => KeeperProcess.Names(keeper.State) is ["disks"]);
        Assert.NotEqual(first, keeper.Process);
        client.Release("disks");
        Assert.Empty(keeper.Names());
    }

    [Fact]
    public async Task What_was_unmounted_is_not_given_to_a_successor()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        using (KeeperProcess client = await keeper.OpenAsync())
        {
            await using DiskServer server = await DiskServer.StartAsync(new DiskServerOptions { MountPoint = keeper.Disks }, _ => { });
            client.Keep("disks", server.Descriptor);
        }

        using KeeperProcess successor = await keeper.OpenAsync();
        Assert.Empty(successor.Take());
    }

    internal static Task<DiskServer> AdoptAsync(TestKeeper keeper, IReadOnlyDictionary<string, FuseDescriptor> taken, string file) => DiskServer.AdoptAsync(
        new DiskServerOptions { MountPoint = keeper.Disks }, new AdoptedConnection(taken["disks"], Session), [new AdoptedDisk(new FileDisk("blob", file))], _ => { });
}
