using Sluice.EndToEnd.Harness;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Survival;

/// <summary>A daemon that neither works nor ends: what comes after it says which process that is and what to do, and does not wait for it.</summary>
public sealed class StuckDaemonTests
{
    [Fact]
    public async Task Who_is_stopped_is_named_and_a_killed_one_is_succeeded()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        string directory = workspace.File("sluice"), admin = SluiceDaemon.AdminSocketOf(directory);
        SluiceDaemon stuck = await SluiceDaemon.StartAsync(directory);
        string process = $"process {stuck.ProcessId}";
        string[] start = ["daemon", "--root", SluiceDaemon.RootOf(directory), "--state", SluiceDaemon.StateOf(directory)];
        (await SluiceProgram.RunAsync(start)).Fails(8, SluiceDaemon.RootOf(directory), $"is used by {process}", "stop the other process");
        await Command.RunAsync("/bin/kill", ["-STOP", $"{stuck.ProcessId}"]);
        try
        {
            (await SluiceProgram.RunAsync(start)).Fails(8, $"is used by {process}, which is stopped (SIGSTOP)", $"kill -CONT {stuck.ProcessId} lets it go on", $"kill -KILL {stuck.ProcessId} ends it");
            SluiceResult[] waited = await Task.WhenAll(
                SluiceProgram.RunAsync("upgrade", "--admin-address", admin), SluiceProgram.RunAsync("status", "--admin-address", admin),
                SluiceProgram.RunAsync("umount", "--all", "--root", SluiceDaemon.RootOf(directory), "--state", SluiceDaemon.StateOf(directory)));
            Assert.All(waited, result => result.Fails(7, admin, "the daemon does not answer", "is it stopped (SIGSTOP)?"));
        }
        finally
        {
            await stuck.KillAsync();
        }

        await using SluiceDaemon next = await SluiceDaemon.StartAsync(directory);
        await next.StopAsync();
        Assert.Empty(workspace.Mounts());
        await stuck.DisposeAsync();
    }
}
