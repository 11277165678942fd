using System.Diagnostics;
using Sluice.EndToEnd.Harness;
using Sluice.Kernel.Keeper;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Survival;

/// <summary>SIGTERM while the daemon starts or stops.</summary>
public sealed class StopAtAnyMomentTests
{
    [Fact]
    public async Task It_ends_in_order_and_nothing_is_left()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        string directory = workspace.File("sluice");
        Random random = new(3);
        for (int round = 0; round < 8; round++)
        {
            using Process daemon = SluiceProgram.Start(["daemon", "--root", SluiceDaemon.RootOf(directory), "--state", SluiceDaemon.StateOf(directory)]);
            Task<string> errors = daemon.StandardError.ReadToEndAsync(TestMachine.Cancellation);
            _ = daemon.StandardOutput.ReadToEndAsync(TestMachine.Cancellation);

            // Any moment after it has installed its handlers; before that the signal itself ends it.
            await TestMachine.UntilAsync(() => daemon.HasExited || Directory.Exists(SluiceDaemon.StateOf(directory)), "the daemon has begun");
            await Task.Delay(random.Next(round * 100), TestMachine.Cancellation);
            for (int signals = 0; signals <= round % 2; signals++) await Command.RunAsync("/bin/kill", [$"{daemon.Id}"]);
            await daemon.WaitForExitAsync(TestMachine.Cancellation);
            Assert.True(daemon.ExitCode is 0 or 130 or 143, $"round {round}: {daemon.ExitCode}\n{await errors}");
            Assert.DoesNotContain("internal error", await errors, StringComparison.Ordinal);
            Assert.Empty(workspace.Mounts());
            Assert.Null(KeeperProcess.Names(SluiceDaemon.StateOf(directory)));
        }
    }
}
