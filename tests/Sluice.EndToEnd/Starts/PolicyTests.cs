using System.Text.Json;
using Sluice.EndToEnd.Harness;

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
}
