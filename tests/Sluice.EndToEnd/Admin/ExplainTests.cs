using System.Text.Json;
using Sluice.Cli.Output;
using Sluice.EndToEnd.Harness;
using Sluice.Node.Explain;

namespace Sluice.EndToEnd.Admin;

/// <summary><c>sluice explain</c> after real starts.</summary>
public sealed class ExplainTests
{
    [Fact]
    public async Task A_lazy_start_is_told_by_time_cause_source_and_file()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "one");
        await node.ExecAsync("one", "cat /data/3 > /dev/null");

        JsonElement answer = await ExplainAsync(node, node.Id("one"));
        Assert.Equal((image, node.Id("one"), true), (Text(answer, "image"), Text(answer, "container"), answer.GetProperty("lazy").GetBoolean()));
        JsonElement start = answer.GetProperty("start");
        Assert.Contains("mount", start.GetProperty("stages").EnumerateArray().Select(stage => Text(stage, "name")));
        Assert.Contains("reads", start.GetProperty("stages").EnumerateArray().Select(stage => Text(stage, "name")));
        long fetched = start.GetProperty("fetchedBytes").GetInt64();
        Assert.InRange(fetched, 1, OrdinaryImage.DataFiles * OrdinaryImage.DataFileSize);
        Assert.Equal(fetched, start.GetProperty("bytesByCause").EnumerateObject().Sum(cause => cause.Value.GetInt64()));
        Assert.Contains(node.Registry.Host, Assert.Single(start.GetProperty("bytesBySource").EnumerateObject()).Name, StringComparison.Ordinal);
        string[] files = [.. start.GetProperty("files").EnumerateArray().Select(file => Text(file, "path"))];
        Assert.Contains("/bin/busybox", files);
        Assert.Contains("/data/3", files);
        Assert.DoesNotContain("/data/4", files);

        // The same by the image's name and by its digest, for people.
        string screen = (await RunAsync(node, image)).Succeeds().Output;
        Assert.Contains("/bin/busybox", screen, StringComparison.Ordinal);
        AssertIsOneScreen(screen, 100);
        await node.ExecAsync("one", "find / -xdev -type f -exec cat {} + > /dev/null");
        AssertIsOneScreen((await RunAsync(node, node.Id("one"))).Succeeds().Output, 100);
        (await RunAsync(node, Text(answer, "digest")["sha256:".Length..][..12])).Succeeds();
        await node.RemoveContainerAsync("one");
    }

    /// <summary>Everything that there may be to say at once, at the size of the smallest terminals.</summary>
    [Theory]
    [InlineData(80)]
    [InlineData(160)]
    public void However_much_there_is_to_say_it_is_one_screen(int width)
    {
        string name = string.Concat(Enumerable.Repeat("long-name/", 5));
        StartStage[] stages = [.. ((string[])["metadata", "mount", "container", "reads"]).Select((stage, number) => new StartStage(stage, number * 1000, 1000))];
        SlowFile[] files = [.. Enumerable.Range(0, 100).Select(number => new SlowFile($"/{name}{name}{number}", 100, 99_999, 1L << 40))];
        SlowReason[] reasons = [.. Enumerable.Range(0, 8).Select(_ => new SlowReason("metadata-bound", 1000, string.Join(' ', Enumerable.Repeat("because", 100)), "a registry or mirror nearby (hosts.toml); a smaller image, or one that reads less at its start"))];
        Dictionary<string, long> causes = ((string[])["demand", "neighbours", "read_ahead", "prefetch", "background"]).ToDictionary(cause => cause, _ => 1L << 40);
        Dictionary<string, long> sources = Enumerable.Range(0, 20).ToDictionary(number => $"registry {name}{number}", _ => 1L << 40);
        StartFigures start = new(
            DateTimeOffset.UnixEpoch, 4000, stages, 4000, 1L << 40, 1L << 40, 1L << 40, 1_000_000_000, 1_000_000_000, 1_000_000, 1_000_000_000, 1_000_000, 100, 1e12, 4000, causes, sources, 1L << 40, 1L << 40, files,
            "names of files are read with --files");
        using StringWriter output = new();
        ExplainScreen.Print(new Explanation(name, "sha256:" + new string('0', 64), name, Lazy: true, string.Join(' ', Enumerable.Repeat("lazy", 30)), start, reasons), output, width);
        AssertIsOneScreen(output.ToString(), width);
        Assert.Contains("slowest files", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_lazy_is_said_and_why()
    {
        await using TestNode node = await TestNode.StartAsync();
        OrdinaryImage ordinary = new(command: ["/bin/sleep", "1000"]);
        await ordinary.PushAsync(node.Image("plain:v1"));
        await node.CtrAsync("images", "pull", "--plain-http", "--snapshotter", "native", node.Image("plain:v1"));
        await node.CtrAsync("containers", "create", "--snapshotter", "native", node.Image("plain:v1"), node.Id("plain"));

        JsonElement container = await ExplainAsync(node, node.Id("plain"));
        Assert.False(container.GetProperty("lazy").GetBoolean());
        Assert.Equal("other-snapshotter", Text(container.GetProperty("reasons")[0], "id"));
        Assert.Contains("'native'", Text(container, "verdict"), StringComparison.Ordinal);
        JsonElement image = await ExplainAsync(node, node.Image("plain:v1"));
        Assert.Equal("ordinary-image", Text(image.GetProperty("reasons")[0], "id"));
        (await RunAsync(node, "nobody")).Fails(4, "neither a container nor an image");
        await node.CtrAsync("containers", "rm", node.Id("plain"));
    }

    private static void AssertIsOneScreen(string screen, int width)
    {
        string[] lines = screen.TrimEnd('\n').Split('\n');
        Assert.True(lines.Length <= ExplainScreen.Height && lines.All(line => line.Length <= width), $"{lines.Length} lines\n{screen}");
    }

    private static async Task<JsonElement> ExplainAsync(TestNode node, string name) => JsonElement.Parse((await RunAsync(node, name, "--json")).Succeeds().Output);

    private static Task<SluiceResult> RunAsync(TestNode node, string name, params string[] more) =>
        SluiceProgram.RunAsync(["explain", name, "--admin-address", SluiceDaemon.AdminSocketOf(node.Workspace.File("sluice")), "--containerd-address", node.Containerd.Socket, .. more]);

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;
}
