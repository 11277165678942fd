using System.Text.Json;
using Sluice.EndToEnd.Cri;
using Sluice.EndToEnd.Harness;
using OverlayBdTrace = Sluice.Formats.OverlayBd.TraceFile;

namespace Sluice.EndToEnd.Starts;

/// <summary>What a start has read is fetched ahead of the next one.</summary>
public sealed class PrefetchTests
{
    public static TheoryData<ImageFormat> Formats => [ImageFormat.Rafs, ImageFormat.OverlayBd];

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task The_next_cold_start_has_its_data_fetched_ahead(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        Assert.DoesNotContain("prefetch", await StartAsync(node, image, "one"));
        string trace = await TraceAsync(node);
        Assert.NotEqual(0, JsonElement.Parse(await File.ReadAllTextAsync(trace, TestMachine.Cancellation)).GetProperty("reads").GetArrayLength());
        await ForgetAsync(node, image, "one");

        // Everything but the trace has gone.
        IReadOnlyList<string> causes = await StartAsync(node, image, "two");
        Assert.Contains("prefetch", causes);
        await TestMachine.UntilAsync(() => File.ReadAllText(trace).Contains("\"prefetched\"", StringComparison.Ordinal), "the start was over");
        JsonElement figures = JsonElement.Parse(await ExplainAsync(node, image)).GetProperty("start");
        Assert.InRange(figures.GetProperty("prefetchUnreadBytes").GetInt64(), 0, figures.GetProperty("prefetchedBytes").GetInt64() / 2); // it read the same again
        Assert.Contains("fetched ahead, uncompressed", (await TraceAsync(node, "show", image)).Succeeds().Output, StringComparison.Ordinal);
        await ForgetAsync(node, image, "two");

        // A damaged trace, and one for other bytes, cost nothing but the advantage.
        await File.WriteAllTextAsync(trace, "{", TestMachine.Cancellation);
        Assert.DoesNotContain("prefetch", await StartAsync(node, image, "three"));
        await ForgetAsync(node, image, "three");
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task It_begins_with_the_pull(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        await StartAsync(node, image, "one");
        string trace = await TraceAsync(node);
        await ForgetAsync(node, image, "one");

        await node.PullAsync(image);
        await TestMachine.UntilAsync(async () => (await ExplainAsync(node, image)).Contains("have come with the pull", StringComparison.Ordinal), "something was fetched ahead");
        Assert.Empty(node.ImageMounts);
        await node.PullAsync(image); // once more: what goes on goes on
        Assert.Contains("prefetch", await StartAsync(node, image, "two"));
        await TestMachine.UntilAsync(() => File.ReadAllText(trace).Contains("\"prefetched\"", StringComparison.Ordinal), "the start was over");
        JsonElement figures = JsonElement.Parse(await ExplainAsync(node, image)).GetProperty("start");
        Assert.InRange(figures.GetProperty("prefetchUnreadBytes").GetInt64(), 0, figures.GetProperty("prefetchedBytes").GetInt64() / 2);
        await ForgetAsync(node, image, "two");

        // A trace that was not here at the pull, and is at the start.
        string aside = node.Workspace.File("aside.json");
        File.Move(await TraceAsync(node), aside);
        await node.PullAsync(image);
        File.Move(aside, trace);
        Assert.Contains("prefetch", await StartAsync(node, image, "three"));
        await ForgetAsync(node, image, "three");

        // One that nobody starts goes without a trace of it.
        await node.PullAsync(image);
        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    /// <summary>As the kubelet does it: the process that will read what comes does not exist.</summary>
    [Fact]
    public async Task Pods_find_it_too_before_their_containers_run()
    {
        await using TestNode node = await CriNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        using CriClient cri = CriNode.Connect(node);
        string sandbox = await cri.RunSandboxAsync();
        await cri.PullAsync(image);
        string first = await cri.CreateContainerAsync(sandbox, image, "first");
        await cri.StartContainerAsync(first);
        string trace = await TraceAsync(node);
        await cri.WaitForExitAsync(first);
        await cri.RemoveContainerAsync(first);
        await cri.RemoveImageAsync(image);
        await node.CollectGarbageAsync("k8s.io");
        await TestMachine.UntilAsync(() => node.ImageMounts.Count == 0, "the image has gone");
        Assert.True(File.Exists(trace));

        await cri.PullAsync(image);
        string second = await cri.CreateContainerAsync(sandbox, image, "second");
        await TestMachine.UntilAsync(async () => JsonElement.Parse(await ExplainAsync(node, image, "k8s.io")).GetProperty("start").GetProperty("bytesByCause").TryGetProperty("prefetch", out JsonElement bytes) && bytes.GetInt64() > 0, "something was fetched ahead");
        await cri.StartContainerAsync(second);
        Assert.Equal(0, (await cri.WaitForExitAsync(second)).ExitCode);
        await cri.StopAndRemoveSandboxAsync(sandbox);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task A_trace_beside_the_image_helps_a_node_that_never_started_it(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        (await TraceAsync(node, "show", image)).Fails(4, "is no lazy image of this node");
        await StartAsync(node, image, "one");
        (await TraceAsync(node, "push", image)).Fails(4, "no start of it was noted yet");
        string trace = await TraceAsync(node);

        string table = (await TraceAsync(node, "show", image)).Succeeds().Output;
        Assert.Contains("/bin/busybox", table, StringComparison.Ordinal);
        Assert.Contains("/data/5", table, StringComparison.Ordinal);
        Assert.DoesNotContain("/data/1", table, StringComparison.Ordinal);
        Assert.Contains($"1 registry {node.Image("x").Split('/')[0]}", table, StringComparison.Ordinal);
        string named = node.Workspace.File("named.json");
        await File.WriteAllTextAsync(named, (await TraceAsync(node, "show", image, "--json")).Succeeds().Output, TestMachine.Cancellation);
        SluiceResult same = await SluiceProgram.RunAsync("trace", "diff", trace, named); // the node's own has no names
        Assert.Contains("the same, in the same order", same.Succeeds().Output, StringComparison.Ordinal);
        Assert.Contains("\"sources\":[\"registry ", await File.ReadAllTextAsync(named, TestMachine.Cancellation), StringComparison.Ordinal);
        Assert.Contains("/data/5\n", (await TraceAsync(node, "export", image, "nydus-list")).Succeeds().Output, StringComparison.Ordinal);
        string records = node.Workspace.File("records");
        SluiceResult exported = await TraceAsync(node, "export", image, "overlaybd-trace", "--output", records);
        if (format == ImageFormat.Rafs) exported.Fails(3, "is not an OverlayBD image");
        else Assert.NotEmpty(OverlayBdTrace.Read(await File.ReadAllBytesAsync(records, TestMachine.Cancellation)));
        Assert.Contains("application/vnd.sluice.trace.v1+json", (await TraceAsync(node, "push", image)).Succeeds().Output, StringComparison.Ordinal);
        await ForgetAsync(node, image, "one");

        File.Delete(trace);
        Assert.Contains("prefetch", await StartAsync(node, image, "two"));
        await ForgetAsync(node, image, "two");

        // Or before the image is here.
        File.Delete(await TraceAsync(node));
        (await TraceAsync(node, "pull", "docker://" + image)).Succeeds();
        Assert.Contains("prefetch", await StartAsync(node, image, "three"));
        string pulled = node.Workspace.File("pulled.json");
        (await SluiceProgram.RunAsync("trace", "pull", "docker://" + image, "--output", pulled)).Succeeds();
        Assert.DoesNotContain("registry", await File.ReadAllTextAsync(pulled, TestMachine.Cancellation), StringComparison.Ordinal);
        Assert.Equal(0, (await SluiceProgram.RunAsync("trace", "diff", named, pulled)).ExitCode);
        SluiceResult other = await TraceAsync(node, "diff", image, pulled);
        Assert.InRange(other.ExitCode, 0, 1); // this start may have read a little more, or less
        Assert.Contains("chunks", other.Output, StringComparison.Ordinal);
        await ForgetAsync(node, image, "three");
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task A_converted_image_carries_what_its_start_needs(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        var ordinary = new OrdinaryImage();
        string image = await node.ConvertedAsync(ordinary, format), source = $"oci:{node.Workspace.File("ordinary")}:v1";
        string named = node.Workspace.File("named.json"), list = node.Workspace.File("list"), kind = format == ImageFormat.Rafs ? "rafs" : "overlaybd";
        await ordinary.PushAsync(source);
        await StartAsync(node, image, "one");
        await TraceAsync(node);
        await File.WriteAllTextAsync(named, (await TraceAsync(node, "show", image, "--json")).Succeeds().Output, TestMachine.Cancellation);
        (await TraceAsync(node, "push", image)).Succeeds();
        await ForgetAsync(node, image, "one");

        // From a file.
        (await SluiceProgram.RunAsync("convert", "--format", kind, "--trace", named, source, "docker://" + node.Image("traced:v1"))).Succeeds();
        Assert.Contains("prefetch", await StartAsync(node, node.Image("traced:v1"), "two"));
        await ForgetAsync(node, node.Image("traced:v1"), "two");

        // From beside the image that the name means so far; what is beside another name is not looked for.
        SluiceResult none = (await SluiceProgram.RunAsync("convert", "--format", kind, "--trace", "auto", source, "docker://" + node.Image("other:v1"))).Succeeds();
        Assert.Contains("--trace auto: no trace", none.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("--trace auto", (await SluiceProgram.RunAsync("convert", "--format", kind, "--trace", "auto", source, "docker://" + image)).Succeeds().Error, StringComparison.Ordinal);
        Assert.Contains("prefetch", await StartAsync(node, image, "three"));
        await ForgetAsync(node, image, "three");

        // Of a list of paths.
        await File.WriteAllTextAsync(list, "/data/5\n/data/3\n/nowhere\n", TestMachine.Cancellation);
        (await SluiceProgram.RunAsync("convert", "--format", kind, "--trace", list, source, "docker://" + node.Image("listed:v1"))).Succeeds();
        (await SluiceProgram.RunAsync("check", source, "docker://" + node.Image("listed:v1"))).Succeeds();
        Assert.Contains("prefetch", await StartAsync(node, node.Image("listed:v1"), "four"));
        await ForgetAsync(node, node.Image("listed:v1"), "four");
    }

    [Fact]
    public async Task Each_command_of_an_image_has_its_trace()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.StopDaemonAsync();
        string config = node.Workspace.File("config.yaml"), directory = Path.Combine(node.Root, "traces");
        await File.WriteAllTextAsync(config, $"containerd_address: {node.Containerd.Socket}\n", TestMachine.Cancellation);
        await node.StartDaemonAsync("--config", config);
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await StartAsync(node, image, "one");
        string sleep = await TraceAsync(node);
        Assert.Contains("started with /bin/sleep", (await TraceAsync(node, "show", image)).Succeeds().Output, StringComparison.Ordinal);

        // The image stays mounted: what the kernel has of it now, the other trace lacks.
        await RunAsync("two");
        await TestMachine.UntilAsync(() => Directory.GetFiles(directory, "*.json").Length == 2, "the other command was noted");
        Assert.Contains("started with /bin/sleep", (await TraceAsync(node, "show", image)).Succeeds().Output, StringComparison.Ordinal);
        string file = Directory.GetFiles(directory, "*.json").Single(file => file != sleep), other = await File.ReadAllTextAsync(file, TestMachine.Cancellation);
        Assert.DoesNotContain("exec sleep", other, StringComparison.Ordinal);
        Assert.Contains("\"warm\":true", other, StringComparison.Ordinal);
        Assert.Contains("\"/bin/sh\"", other, StringComparison.Ordinal);
        await node.RemoveContainerAsync("two");
        await ForgetAsync(node, image, "one");
        Assert.Equal(other, await File.ReadAllTextAsync(file, TestMachine.Cancellation));

        // A cold start with it takes its place.
        await node.PullAsync(image);
        await RunAsync("three");
        await TestMachine.UntilAsync(() => !File.ReadAllText(file).Contains("\"warm\"", StringComparison.Ordinal), "the cold start was noted");
        await ForgetAsync(node, image, "three");

        Task RunAsync(string id) => node.CtrAsync("run", "-d", "--snapshotter", "sluice", image, node.Id(id), "/bin/sh", "-c", "cat /data/6 > /dev/null; exec sleep 10000");
    }

    [Fact]
    public async Task A_trace_that_is_of_no_use_for_a_conversion_is_refused()
    {
        using Workspace workspace = new();
        string file = workspace.File("trace");
        await File.WriteAllTextAsync(file, "bin/sh\n", TestMachine.Cancellation);
        string source = $"oci:{workspace.File("ordinary")}:v1", destination = $"oci:{workspace.File("converted")}:v1";
        await new OrdinaryImage().PushAsync(source);
        (await SluiceProgram.RunAsync("convert", "--trace", file, source, destination)).Fails(2, file, "no absolute path");
        (await SluiceProgram.RunAsync("convert", "--trace", workspace.File("missing"), source, destination)).Fails(2, "--trace");
        await File.WriteAllTextAsync(file, "", TestMachine.Cancellation);
        (await SluiceProgram.RunAsync("convert", "--trace", file, source, destination)).Fails(2, "names no files");
    }

    [Fact]
    public async Task What_is_no_trace_is_refused()
    {
        using Workspace workspace = new();
        string file = workspace.File("trace.json");
        await File.WriteAllTextAsync(file, "{}", TestMachine.Cancellation);
        (await SluiceProgram.RunAsync("trace", "diff", file, file)).Fails(2, "is no trace");
    }

    [Fact]
    public async Task It_can_be_turned_off()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.StopDaemonAsync();
        string config = node.Workspace.File("config.yaml");
        await File.WriteAllTextAsync(config, "prefetch: false\n", TestMachine.Cancellation);
        await node.StartDaemonAsync("--config", config);
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await StartAsync(node, image, "one");
        await ForgetAsync(node, image, "one");
        Assert.False(Directory.Exists(Path.Combine(node.Root, "traces")));
    }

    [Fact]
    public async Task Policy_turns_traces_off_for_some_images_and_who_asks_for_one_gets_it()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.StopDaemonAsync();
        string config = node.Workspace.File("config.yaml"), directory = Path.Combine(node.Root, "traces");
        await File.WriteAllTextAsync(config, "policies:\n  \"*/app:*\": { trace: false }\n", TestMachine.Cancellation);
        await node.StartDaemonAsync("--config", config);
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await StartAsync(node, image, "one");
        await ForgetAsync(node, image, "one"); // which ends the start
        Assert.False(Directory.Exists(directory));

        (await SluiceProgram.RunAsync(
            "trace", "record", image, "--admin-address", node.AdminSocket, "--containerd-address", node.Containerd.Socket, "--until-line", "READY", "--", "/bin/sh", "-c", "cat /data/2 > /dev/null; echo READY; sleep 1000")).Succeeds();
        string recorded = await File.ReadAllTextAsync(await TraceAsync(node), TestMachine.Cancellation);
        await node.CtrAsync("images", "rm", "--sync", image);
        Assert.Contains("prefetch", await StartAsync(node, image, "two")); // what is known is followed
        await ForgetAsync(node, image, "two");
        Assert.Equal(recorded, await File.ReadAllTextAsync(await TraceAsync(node), TestMachine.Cancellation));
    }

    /// <summary>Pulls and starts, and tells what was fetched for.</summary>
    private static async Task<IReadOnlyList<string>> StartAsync(TestNode node, string image, string id)
    {
        await node.PullAsync(image);
        await node.StartContainerAsync(image, id);
        Assert.Equal("", await node.ExecAsync(id, "cat /data/3 /data/5 > /dev/null"));
        JsonElement causes = JsonElement.Parse(await ExplainAsync(node, image)).GetProperty("start").GetProperty("bytesByCause");
        return [.. causes.EnumerateObject().Where(cause => cause.Value.GetInt64() > 0).Select(cause => cause.Name)];
    }

    private static async Task<string> ExplainAsync(TestNode node, string image, string containers = "default") =>
        (await SluiceProgram.RunAsync(["explain", image, "--namespace", containers, "--admin-address", node.AdminSocket, "--containerd-address", node.Containerd.Socket, "--json"])).Succeeds().Output;

    private static async Task ForgetAsync(TestNode node, string image, string id)
    {
        await node.RemoveContainerAsync(id);
        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    private static Task<SluiceResult> TraceAsync(TestNode node, string verb, string image, params string[] more) =>
        SluiceProgram.RunAsync(["trace", verb, image, "--admin-address", node.AdminSocket, .. more]);

    private static async Task<string> TraceAsync(TestNode node)
    {
        string directory = Path.Combine(node.Root, "traces");
        string[] files = [];
        await TestMachine.UntilAsync(() => Directory.Exists(directory) && (files = Directory.GetFiles(directory, "*.json")).Length > 0, "the start was noted");
        return Assert.Single(files);
    }
}
