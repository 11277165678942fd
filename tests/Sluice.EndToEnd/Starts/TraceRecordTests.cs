using System.Net;
using System.Net.Sockets;
using Sluice.EndToEnd.Harness;
using Sluice.Storage.Traces;

namespace Sluice.EndToEnd.Starts;

/// <summary><c>sluice trace record</c>: containers that are started for their trace.</summary>
public sealed class TraceRecordTests
{
    private static string[] Until(string script) => ["--until-line", "READY", "--", "/bin/sh", "-c", script];

    [Fact]
    public async Task What_is_read_until_it_is_ready_is_the_trace_and_nothing_stays()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage()), file = node.Workspace.File("trace.json");
        SluiceResult recorded = (await RecordAsync(node, image, ["--output", file, .. Until("cat /data/2 > /dev/null; echo READY; sleep 2; cat /data/7 > /dev/null; sleep 1000")])).Succeeds();
        Assert.Contains("READY", recorded.Error, StringComparison.Ordinal);
        Assert.Contains("/data/2", recorded.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("/data/7", recorded.Output, StringComparison.Ordinal);
        Assert.Contains(TraceFile.Read(await File.ReadAllBytesAsync(file, TestMachine.Cancellation)).Reads, read => read.File?.Path == "/data/2");
        Assert.Equal("", await node.CtrAsync("containers", "ls", "-q"));

        // What the page cache has would be missing.
        (await RecordAsync(node, image, Until("echo READY"))).Fails(2, "is mounted on this node", "images rm");
        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task Its_end_and_a_quiet_while_are_signs_too()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        Assert.Contains("/etc/state", (await RecordAsync(node, image, "--until-exit")).Succeeds().Output, StringComparison.Ordinal);
        await node.CtrAsync("images", "rm", "--sync", image);
        Assert.Contains("/data/4", (await RecordAsync(node, image, "--", "/bin/sh", "-c", "cat /data/4 > /dev/null; sleep 1000")).Succeeds().Output, StringComparison.Ordinal);
        Assert.Equal("", await node.CtrAsync("containers", "ls", "-q"));
        await node.CtrAsync("images", "rm", "--sync", image);
    }

    [Fact]
    public async Task So_is_a_port_that_accepts()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        using TcpListener free = new(IPAddress.Loopback, 0);
        free.Start();
        int port = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        Task<SluiceResult> recorded = RecordAsync(node, image, "--until-port", port.ToString(System.Globalization.CultureInfo.InvariantCulture), "--", "/bin/sleep", "1000");
        while (!(await node.CtrAsync("tasks", "ls")).Contains("RUNNING", StringComparison.Ordinal)) await Task.Delay(100, TestMachine.Cancellation);
        using TcpListener listener = new(IPAddress.Loopback, port); // stands for what the container would open on the host's network
        listener.Start();
        (await recorded).Succeeds();
        await node.CtrAsync("images", "rm", "--sync", image);
    }

    [Fact]
    public async Task What_ends_before_it_is_ready_is_an_error()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        (await RecordAsync(node, image, Until("exit 3"))).Fails(10, "ended with exit code 3 before it was ready");
        await node.CtrAsync("images", "rm", "--sync", image);
        (await RecordAsync(node, image, "--ctr", "/no/such/ctr")).Fails(2, "--ctr", "/no/such/ctr can't be started");
        (await RecordAsync(node, image, "--limit", "0")).Fails(2, "--limit");
        await node.CtrAsync("images", "rm", "--sync", image);
    }

    private static Task<SluiceResult> RecordAsync(TestNode node, string image, params string[] more) =>
        SluiceProgram.RunAsync(["trace", "record", image, "--admin-address", node.AdminSocket, "--containerd-address", node.Containerd.Socket, .. more]);
}
