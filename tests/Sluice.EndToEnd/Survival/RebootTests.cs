using Sluice.EndToEnd.Harness;
using Sluice.Kernel.Mounts;

namespace Sluice.EndToEnd.Survival;

/// <summary>Every process has died, nothing is mounted, the state directory is empty, and the registry can't be reached.</summary>
public sealed class RebootTests
{
    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task What_is_cached_starts_and_what_is_not_names_the_registry(ImageFormat format)
    {
        const string ReadAll = "find / -xdev -type f -exec cat {} + > /dev/null; cat /data/* | sha256sum";
        await using TestNode node = await TestNode.StartAsync();
        string cached = await node.ConvertedAsync(new OrdinaryImage(), format), never = await node.ConvertedAsync(new OrdinaryImage("OTHER", seed: 2), format, "other:v1");
        await node.PullAsync(cached);
        await node.PullAsync(never);
        await node.RunAsync(cached, "before", "/bin/sh", "-c", ReadAll);
        await node.UnmountAllAsync(); // what was read in the last seconds before a kill would not count as cached
        foreach (MountEntry mount in node.Workspace.Mounts("sluice")) MountCalls.Detach(mount.MountPoint);
        Directory.Delete(node.State, recursive: true);
        await node.Registry.StopAsync();

        await node.StartDaemonAsync();
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.RunAsync(cached, "after", "/bin/sh", "-c", ReadAll), StringComparison.Ordinal);
        (int exitCode, string output) = await node.Containerd.TryCtrAsync("run", "--rm", "--snapshotter", "sluice", never, node.Id("never"));
        Assert.NotEqual(0, exitCode);
        Assert.Contains(node.Registry.Host, output, StringComparison.Ordinal);
        await node.Containerd.TryCtrAsync("containers", "rm", node.Id("never"));
        await node.Registry.StartAsync();
        Assert.Contains("OTHER", await node.RunAsync(never, "then", "/bin/cat", "/etc/state"), StringComparison.Ordinal);
    }
}
