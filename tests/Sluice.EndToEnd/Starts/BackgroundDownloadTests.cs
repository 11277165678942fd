using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Starts;

/// <summary>What images in use still lack comes by itself, and then they need no registry.</summary>
public sealed class BackgroundDownloadTests
{
    public static TheoryData<ImageFormat> Formats => [ImageFormat.Rafs, ImageFormat.OverlayBd];

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task An_image_in_use_becomes_complete_also_when_the_daemon_is_killed_meanwhile(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.StopDaemonAsync();
        string config = node.Workspace.File("config.yaml");
        await File.WriteAllTextAsync(config, "background:\n  delay_seconds: 100\n", TestMachine.Cancellation);
        await node.StartDaemonAsync("--config", config);
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "one");

        await node.KillDaemonAsync();
        await File.WriteAllTextAsync(config, "background:\n  delay_seconds: 0\n", TestMachine.Cancellation);
        await node.StartDaemonAsync("--config", config);
        await TestMachine.UntilAsync(() => node.Daemon!.Log.Contains("it needs no registry any more", StringComparison.Ordinal), "the image is complete");
        await node.Registry.DisposeAsync();
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.ExecAsync("one", "cat /data/* | sha256sum"), StringComparison.Ordinal);
        Assert.Contains("READY", await node.RunAsync(image, "two", "/bin/cat", "/etc/state"), StringComparison.Ordinal);
    }
}
