using System.Net.Sockets;
using System.Text;
using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Survival;

/// <summary>What the service manager hears of a daemon (sd_notify(3)).</summary>
public sealed class WatchdogTests
{
    [Fact]
    public async Task The_service_manager_hears_from_a_daemon_only_while_that_answers_itself()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        using Socket manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        string path = workspace.File("notify");
        manager.Bind(new UnixDomainSocketEndPoint(path));
        Dictionary<string, string> environment = new() { ["NOTIFY_SOCKET"] = path, ["WATCHDOG_USEC"] = "12000000" }; // the daemon has six seconds to answer itself, on a busy machine, too
        await using SluiceDaemon daemon = await SluiceDaemon.StartAsync(workspace.File("sluice"), environment);
        await UntilHeardAsync("READY=1");
        await UntilHeardAsync("WATCHDOG=1");
        await UntilHeardAsync("WATCHDOG=1");

        // Nobody reaches its socket any more.
        string socket = SluiceDaemon.SocketOf(workspace.File("sluice"));
        File.Move(socket, socket + ".away");
        await TestMachine.UntilAsync(() => daemon.Log.Contains("does not answer itself (the snapshotter on " + socket, StringComparison.Ordinal), "the daemon notices that it can't be reached");
        while (manager.Available > 0) await manager.ReceiveAsync(new byte[256], TestMachine.Cancellation); // what came before
        File.Move(socket + ".away", socket);
        await UntilHeardAsync("WATCHDOG=1");
        await TestMachine.UntilAsync(() => daemon.Log.Contains("answers itself again (the snapshotter on ", StringComparison.Ordinal), "it says that it can be reached again");

        async Task UntilHeardAsync(string line)
        {
            byte[] message = new byte[256];
            while (Encoding.UTF8.GetString(message, 0, await manager.ReceiveAsync(message, TestMachine.Cancellation)) != line)
            {
                // another message
            }
        }
    }
}
