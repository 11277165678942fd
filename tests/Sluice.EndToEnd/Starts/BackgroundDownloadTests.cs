using Sluice.EndToEnd.Harness;
using Sluice.Node.Admin;
using Sluice.Node.Status;

namespace Sluice.EndToEnd.Starts;

/// <summary>What images in use still lack comes by itself, and then they need no registry.</summary>
public sealed class BackgroundDownloadTests
{
    /// <summary>Of one request in the background, at most.</summary>
    private const int Range = 2 << 20;

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

    /// <summary>What the map of the data blob says when the daemon is killed is not asked for again; what came after it was written is.</summary>
    [Fact]
    public async Task After_a_kill_midway_only_what_the_map_did_not_have_yet_comes_again()
    {
        const int mebibytes = 24;
        await using TestNode node = await TestNode.StartAsync();
        await node.StopDaemonAsync();
        string config = node.Workspace.File("config.yaml");
        await File.WriteAllTextAsync(config, "background:\n  delay_seconds: 0\n  max_mb_per_second: 1\n", TestMachine.Cancellation);
        await node.StartDaemonAsync("--config", config);
        string image = await node.ConvertedAsync(new OrdinaryImage(dataFiles: mebibytes));
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "one");
        node.Registry.Forget();
        while (node.Registry.RangedBytes < mebibytes / 3 << 20) await Task.Delay(50, TestMachine.Cancellation);

        long before = node.Registry.RangedBytes;
        DateTime known = MapWritten();
        while (MapWritten() == known) await Task.Delay(10, TestMachine.Cancellation);
        await node.KillDaemonAsync();
        long lost = node.Registry.RangedBytes - before + (2 * Range); // and what had been asked for and was not stored
        Assert.True(before + (2 * Range) < mebibytes << 20, "the image was here before the daemon was killed");
        await File.WriteAllTextAsync(config, "background:\n  delay_seconds: 0\n", TestMachine.Cancellation);
        await node.StartDaemonAsync("--config", config);
        await TestMachine.UntilAsync(() => node.Daemon!.Log.Contains("it needs no registry any more", StringComparison.Ordinal), "the image is complete");
        long size = (await TestNode.LayersAsync(image)).Sum(layer => new FileInfo(node.Registry.BlobPath(layer["sha256:".Length..])).Length);
        Assert.InRange(node.Registry.RangedBytes, 0, size + lost);

        DateTime MapWritten() => Directory.EnumerateFiles(Path.Combine(node.Root, "cache", "sha256"), "map", SearchOption.AllDirectories).Max(File.GetLastWriteTimeUtc);
    }

    [Fact]
    public async Task Turned_off_while_the_daemon_runs_it_ends_and_turned_on_it_goes_on()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.StopDaemonAsync();
        string config = node.Workspace.File("config.yaml");
        Task ConfigureAsync(string background) => File.WriteAllTextAsync(config, $"background:\n  delay_seconds: 0\n  {background}\n", TestMachine.Cancellation);
        await ConfigureAsync("max_mb_per_second: 1");
        await node.StartDaemonAsync("--config", config);
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "one");
        while ((await LookAsync(node)).Downloaded == 0) await Task.Delay(50, TestMachine.Cancellation);

        await ConfigureAsync("download: false");
        await ReloadAsync(node);
        for (long before = -1; (await LookAsync(node)).Downloaded is var now && now != before; before = now) await Task.Delay(TimeSpan.FromSeconds(2), TestMachine.Cancellation); // two ranges' time
        Assert.False((await LookAsync(node)).IsComplete);

        await ConfigureAsync("download: true");
        await ReloadAsync(node);
        await TestMachine.UntilAsync(() => node.Daemon!.Log.Contains("it needs no registry any more", StringComparison.Ordinal), "the image is complete");
    }

    private static async Task ReloadAsync(TestNode node) => (await SluiceProgram.RunAsync("reload", "--admin-address", node.AdminSocket)).Succeeds();

    private static async Task<(long Downloaded, bool IsComplete)> LookAsync(TestNode node)
    {
        ImageStatus image = Assert.Single((await new AdminClient(node.AdminSocket).ImagesAsync(TestMachine.Cancellation)).Images);
        return (image.Activity?.BytesByCause["background"] ?? 0, image.IsComplete);
    }
}
