using System.Text.Json;
using Sluice.EndToEnd.Harness;

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
        Assert.All(screen.Split('\n'), line => Assert.True(line.Length <= 100 || line.Contains("->", StringComparison.Ordinal), line));
        (await RunAsync(node, Text(answer, "digest")["sha256:".Length..][..12])).Succeeds();
        await node.RemoveContainerAsync("one");
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

    private static async Task<JsonElement> ExplainAsync(TestNode node, string name) => JsonElement.Parse((await RunAsync(node, name, "--json")).Succeeds().Output);

    private static Task<SluiceResult> RunAsync(TestNode node, string name, params string[] more) =>
        SluiceProgram.RunAsync(["explain", name, "--admin-address", SluiceDaemon.AdminSocketOf(node.Workspace.File("sluice")), "--containerd-address", node.Containerd.Socket, .. more]);

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;
}
