using System.Text.Json;
using Sluice.EndToEnd.Harness;
using Sluice.Node.Admin;
using Sluice.Node.Status;
using Sluice.Testing;

namespace Sluice.EndToEnd.Starts;

/// <summary>What the configuration says of how images come here.</summary>
public sealed class PolicyTests
{
    public static TheoryData<ImageFormat> Formats => [ImageFormat.Rafs, ImageFormat.OverlayBd];

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task An_eager_lazy_image_is_whole_without_a_container(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        string config = node.Workspace.File("config.yaml");
        await node.StopDaemonAsync();
        await File.WriteAllTextAsync(config, "policies:\n  \"*/other:*\": lazy\n  \"*/app:*\": eager\n", TestMachine.Cancellation);
        await node.StartDaemonAsync("--config", config);
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        await node.PullAsync(image);
        await TestMachine.UntilAsync(() => node.Daemon!.Log.Contains("downloaded whole with its pull", StringComparison.Ordinal), "the image is whole");
        Assert.Empty(node.ImageMounts);
        await node.Registry.StopAsync();
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.RunAsync(image, "one", "/bin/sh", "-c", "cat /data/* | sha256sum"), StringComparison.Ordinal);
    }

    /// <summary>Of a slow line a start that is known takes little: the rest may come later.</summary>
    [Fact]
    public async Task Auto_is_lazy_where_the_line_is_slow_and_the_start_small()
    {
        await using TestNode node = await TestNode.StartAsync();
        await using FaultProxy proxy = await AutoAsync(node);
        string image = await AtAsync(proxy, node, ImageFormat.Rafs, seed: 1), other = await AtAsync(proxy, node, ImageFormat.OverlayBd, seed: 2);
        proxy.Always = request => request.Path.Contains("/blobs/", StringComparison.Ordinal) ? new Fault(FaultKind.Drip) { AfterBytes = 64 << 10, Delay = TimeSpan.FromMilliseconds(20) } : null;
        await node.PullAsync(image);
        Assert.Contains("READY", await node.RunAsync(image, "first"), StringComparison.Ordinal);
        await TestMachine.UntilAsync(() => Directory.Exists(Path.Combine(node.Root, "traces")) && Directory.GetFiles(Path.Combine(node.Root, "traces"), "*.json").Length > 0, "the start was noted");
        await node.CtrAsync("images", "rm", "--sync", image);
        await LearnAsync(node, proxy, other);

        JsonElement chosen = await ExplainAsync(node, image);
        Assert.Equal(("auto", "lazy"), (chosen.GetProperty("policy").GetString(), chosen.GetProperty("mode").GetString()));
        Assert.Equal(["rule", "trace-known", "start-is-faster"], Reasons(chosen));
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "second");
        await TestMachine.UntilAsync(async () => (await ActivityAsync(node, image))?.BytesByCause["prefetch"] > 0, "its start was fetched ahead");
        await Task.Delay(TimeSpan.FromSeconds(5), TestMachine.Cancellation); // all of it would be here by now
        Assert.DoesNotContain("downloaded whole with its pull", node.Daemon!.Log, StringComparison.Ordinal);
        Assert.Equal(0, (await ActivityAsync(node, image))!.BytesByCause["background"]);
    }

    /// <summary>On a wide and long line reads that come one after the other take longer than all of the image.</summary>
    [Fact]
    public async Task Auto_is_eager_where_the_way_is_long_and_the_line_wide()
    {
        await using TestNode node = await TestNode.StartAsync();
        await using FaultProxy proxy = await AutoAsync(node);
        string image = await AtAsync(proxy, node, ImageFormat.Rafs, seed: 1), other = await AtAsync(proxy, node, ImageFormat.OverlayBd, seed: 2);
        Assert.Equal(["rule", "no-trace", "link-unknown"], Reasons(await ExplainAsync(node, image)));
        await node.PullAsync(other);
        await node.StartContainerAsync(other, "wide");
        Assert.Equal("", await node.ExecAsync("wide", "cat /data/0 /data/1 /data/2 > /dev/null")); // the line's speed is known from long requests, the way's length from short ones
        await node.RemoveContainerAsync("wide");
        await node.CtrAsync("images", "rm", "--sync", other);
        proxy.Always = request => request.Path.Contains("/blobs/", StringComparison.Ordinal) ? new Fault(FaultKind.Delay) { Delay = TimeSpan.FromMilliseconds(400) } : null;
        await LearnAsync(node, proxy, other);

        JsonElement chosen = await ExplainAsync(node, image);
        Assert.Equal(("auto", "eager"), (chosen.GetProperty("policy").GetString(), chosen.GetProperty("mode").GetString()));
        Assert.Equal(["rule", "no-trace", "whole-is-faster"], Reasons(chosen));
        await node.PullAsync(image);
        await TestMachine.UntilAsync(() => node.Daemon!.Log.Contains($"{image}: downloaded whole with its pull", StringComparison.Ordinal), "the image is whole");
    }

    [Fact]
    public async Task The_dry_run_says_what_would_be_chosen_with_a_daemon_and_without()
    {
        await using TestNode node = await TestNode.StartAsync();
        string config = node.Workspace.File("config.yaml"), ordinary = node.Image("app:v1"), lazy = await node.ConvertedAsync(new OrdinaryImage());
        await node.StopDaemonAsync();
        await WriteAsync("policies:\n  \"*/app:v2\": lazy\n");
        SluiceResult without = (await ExplainAsync(ordinary)).Succeeds();
        Assert.Contains("no daemon listens", without.Error, StringComparison.Ordinal);
        Assert.Matches(@"mode +lazy\ntrace +on\n\nno-rule ", without.Output);

        await node.StartDaemonAsync("--config", config);
        SluiceResult with = (await ExplainAsync(ordinary)).Succeeds();
        Assert.Equal(("", without.Output), (with.Error, with.Output));
        Assert.Matches(@"mode +lazy\ntrace +on\n\nno-rule ", (await ExplainAsync(lazy)).Succeeds().Output);

        await WriteAsync("policies:\n  \"*/app:v1\": { trace: false }\n  \"*/app:*\": eager\n");
        Assert.Matches("changed: policies\n|nothing has changed\n", (await SluiceProgram.RunAsync("reload", "--admin-address", node.AdminSocket)).Succeeds().Output);
        using JsonDocument one = JsonDocument.Parse((await ExplainAsync(ordinary, "--json")).Succeeds().Output), other = JsonDocument.Parse((await ExplainAsync(lazy, "--json")).Succeeds().Output);
        Assert.Equal(("*/app:v1", "lazy", "lazy", "ordinary"), Read(one));
        Assert.Equal(("*/app:*", "eager", "eager", "rafs"), Read(other));
        Assert.Equal((false, true), (one.RootElement.GetProperty("trace").GetBoolean(), other.RootElement.GetProperty("trace").GetBoolean()));
        Assert.Matches(@"mode +lazy\ntrace +off\n\nrule ", (await ExplainAsync(ordinary)).Succeeds().Output);
        (await node.TryPullAsync(ordinary)).Fails(3, "is an ordinary image, and its policy is to be lazy", "convert it first");
        (await ExplainAsync(node.Image("nothing:v1"))).Fails(4, node.Registry.Host);

        Task WriteAsync(string text) => File.WriteAllTextAsync(config, text, TestMachine.Cancellation);
        Task<SluiceResult> ExplainAsync(string image, params string[] more) =>
            SluiceProgram.RunAsync(["policy", "explain", image, "--config", config, "--root", node.Root, "--state", node.State, .. more]);
        static (string?, string?, string?, string?) Read(JsonDocument answer) => (
            answer.RootElement.GetProperty("rule").GetString(), answer.RootElement.GetProperty("policy").GetString(), answer.RootElement.GetProperty("mode").GetString(),
            answer.RootElement.GetProperty("image").GetProperty("kind").GetString());
    }

    /// <summary>All images come by what is known; nothing comes in the background but what that chooses.</summary>
    private static async Task<FaultProxy> AutoAsync(TestNode node)
    {
        string config = node.Workspace.File("config.yaml");
        await node.StopDaemonAsync();
        await File.WriteAllTextAsync(config, "policies:\n  \"*\": auto\nbackground: { download: false }\n", TestMachine.Cancellation);
        await node.StartDaemonAsync("--config", config);
        return new FaultProxy(new Uri($"http://{node.Registry.Host}"));
    }

    private static async Task<string> AtAsync(FaultProxy proxy, TestNode node, ImageFormat format, int seed) =>
        (await node.ConvertedAsync(new OrdinaryImage(seed: seed), format)).Replace(node.Registry.Host, proxy.Authority, StringComparison.Ordinal);

    /// <summary>Reads of a block image, whose chunks are small, here and there so that the daemon knows how fast its registry is.</summary>
    private static async Task LearnAsync(TestNode node, FaultProxy proxy, string image)
    {
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "learn");
        Assert.Equal("", await node.ExecAsync("learn", "for f in 0 1 2 3 4 5 6 7; do for s in 192 128 64 0; do busybox dd if=/data/$f of=/dev/null bs=4096 skip=$s count=1 2> /dev/null || echo no; done; done"));
        JsonElement link = (await ExplainAsync(node, image)).GetProperty("link");
        Assert.Equal($"registry {proxy.Authority}", link.GetProperty("source").GetString());
        Assert.True(link.GetProperty("bytesPerSecond").ValueKind == JsonValueKind.Number && link.GetProperty("roundTripSeconds").ValueKind == JsonValueKind.Number, link.ToString());
    }

    private static async Task<ImageActivityStatus?> ActivityAsync(TestNode node, string image) =>
        (await new AdminClient(node.AdminSocket).ImagesAsync(TestMachine.Cancellation)).Images.Single(known => known.Name == image).Activity;

    private static async Task<JsonElement> ExplainAsync(TestNode node, string image) =>
        JsonElement.Parse((await SluiceProgram.RunAsync("policy", "explain", image, "--json", "--admin-address", node.AdminSocket)).Succeeds().Output);

    private static IEnumerable<string?> Reasons(JsonElement explanation) => explanation.GetProperty("reasons").EnumerateArray().Select(reason => reason.GetProperty("id").GetString());
}
