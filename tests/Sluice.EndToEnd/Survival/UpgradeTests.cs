using System.Text.RegularExpressions;
using Sluice.EndToEnd.Harness;
using Sluice.Node.Admin;
using Sluice.Node.Status;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Survival;

/// <summary>The daemon is replaced while containers start and read.</summary>
public sealed class UpgradeTests
{
    [Fact]
    public async Task Nobody_notices()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "one");
        string state = node.State;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestMachine.Cancellation);
        int started = 0;
        Task starting = Task.Run(async () =>
        {
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                Assert.Contains("READY", await node.RunAsync(image, $"start{i}", "/bin/cat", "/etc/state"), StringComparison.Ordinal);
                started++;
            }
        });
        List<int> processes = [node.Daemon!.ProcessId];
        for (int round = 0; round < 3; round++)
        {
            Task<string> reading = node.ExecAsync("one", "cat /data/* | sha256sum");
            SluiceResult upgraded = (await SluiceProgram.RunAsync("upgrade", "--admin-address", Path.Combine(state, "admin.sock"))).Succeeds();
            processes.Add(int.Parse(Regex.Match(upgraded.Output, "^process ([0-9]+) has taken over").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture));
            Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await reading, StringComparison.Ordinal);
            Assert.Empty(Directory.GetDirectories(state, "rehearsal-*"));
        }

        int before = Volatile.Read(ref started);
        await Task.WhenAny(starting, Task.Run(() => TestMachine.UntilAsync(() => Volatile.Read(ref started) > before, "containers start")));
        await stop.CancelAsync();
        await starting;
        Assert.Equal(processes.Count, processes.Distinct().Count());
        NodeStatus status = await new AdminClient(node.AdminSocket).StatusAsync(TestMachine.Cancellation);
        Assert.Equal((4, new TakeOverCounts(Killed: 0, Stopped: 0, Upgraded: 3)), (status.Starts, status.TakeOvers));
        (int code, _) = await Command.RunAsync("/bin/kill", ["-0", $"{processes[0]}"]);
        Assert.NotEqual(0, code);
    }

    [Fact]
    public async Task A_program_that_is_none_leaves_the_old_one_in_place()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        (await SluiceProgram.RunAsync("upgrade", "--program", "/bin/false", "--admin-address", Path.Combine(node.State, "admin.sock"))).Fails(10, "ended before it had taken over");
        Assert.Contains("READY", await node.RunAsync(image, "one", "/bin/cat", "/etc/state"), StringComparison.Ordinal);
    }
}
