using System.Net;
using System.Net.Sockets;
using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Survival;

/// <summary>The machine lost its power and runs again, and the registry can't be reached.</summary>
public sealed class RebootTests
{
    private const string ReadAll = "find / -xdev -type f -exec cat {} + > /dev/null; cat /data/* | sha256sum";

    /// <summary>Of the error that names the registry: 3 s on a machine that has nothing else to do (<c>./bench.sh reboot</c>), and what a busy one takes to start a container.</summary>
    private static readonly TimeSpan ErrorLimit = TimeSpan.FromSeconds(8);

    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task What_is_cached_starts_and_what_is_not_names_the_registry(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        string cached = await node.ConvertedAsync(new OrdinaryImage(), format), never = await node.ConvertedAsync(new OrdinaryImage("OTHER", seed: 2), format, "other:v1");
        await node.PullAsync(cached);
        await node.PullAsync(never);
        await node.RunAsync(cached, "before", "/bin/sh", "-c", ReadAll);
        await node.StartContainerAsync(cached, "running");
        await node.StopDaemonAsync(); // what was read in the last seconds before a loss of power would not count as cached
        await node.StartDaemonAsync();
        await node.Registry.StopAsync();

        for (int round = 0; round < 2; round++) await RebootAsync(node, cached, never, $"away{round}");
        using (TcpListener silent = new(IPEndPoint.Parse(node.Registry.Host))) // like a registry that is stopped (SIGSTOP): the kernel takes connections, and nobody answers
        {
            silent.Start();
            await RebootAsync(node, cached, never, "silent");
        }

        await node.Registry.StartAsync();
        Assert.Contains("OTHER", await node.RunAsync(never, "then", "/bin/cat", "/etc/state"), StringComparison.Ordinal);
        await node.RemoveContainerAsync("running");
        foreach (string image in (string[])[cached, never]) await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    /// <summary>Starts what is cached, afresh and as it ran before, and what is not.</summary>
    private static async Task RebootAsync(TestNode node, string cached, string never, string round)
    {
        await node.RebootAsync();
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.RunAsync(cached, $"cached-{round}", "/bin/sh", "-c", ReadAll), StringComparison.Ordinal);
        await node.CtrAsync("tasks", "start", "-d", node.Id("running")); // on the snapshot that it had
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.ExecAsync("running", "cat /data/* | sha256sum"), StringComparison.Ordinal);
        (int exitCode, string output) = await node.Containerd.TryCtrAsync("run", "--rm", "--snapshotter", "sluice", never, node.Id($"never-{round}")).WaitAsync(ErrorLimit);
        Assert.NotEqual(0, exitCode);
        Assert.Contains(node.Registry.Host, output, StringComparison.Ordinal);
        await node.Containerd.TryCtrAsync("containers", "rm", node.Id($"never-{round}"));
    }
}
