using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Sluice.EndToEnd.Harness;
using Sluice.Node.Admin;
using Sluice.Node.Status;
using Sluice.Testing;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Admin;

/// <summary>What a running node says of itself: status, metrics, log.</summary>
public sealed partial class StatusTests
{
    [Fact]
    public async Task A_start_is_seen_in_status_and_metrics()
    {
        await using TestNode node = await TestNode.StartAsync();
        string rafs = await node.ConvertedAsync(new OrdinaryImage()), block = await node.ConvertedAsync(new OrdinaryImage("BLOCK", seed: 2), ImageFormat.OverlayBd, "other:v1");
        string unused = await node.ConvertedAsync(new OrdinaryImage("UNUSED", seed: 3), ImageFormat.Rafs, "unused:v1");
        foreach (string image in (string[])[rafs, block, unused]) await node.PullAsync(image);
        await node.RunAsync(rafs, "one");
        await node.RunAsync(block, "two");
        string digest = OrdinaryImage.DataSha256(2);
        Assert.Contains(digest, await node.RunAsync(block, "three", "/bin/sh", "-c", "cat /data/* | sha256sum"), StringComparison.Ordinal);

        AdminClient client = new(node.AdminSocket);
        NodeStatus status = await client.StatusAsync(TestMachine.Cancellation);
        IReadOnlyList<ImageStatus> images = (await client.ImagesAsync(TestMachine.Cancellation)).Images;
        Assert.Equal((node.Daemon!.ProcessId, 1), (status.Pid, status.Starts));
        Assert.Equal((3, 2), (status.Images.Known, status.Images.Mounted));
        Assert.Equal([rafs, block, unused], images.Select(image => image.Name));
        Assert.Equal([true, true, false], images.Select(image => image.Mounted));
        Assert.Null(images[2].Activity);
        Assert.InRange(images[0].LocalBytes!.Value, 1, images[0].WholeBytes!.Value / 2);
        Assert.InRange(images[1].LocalBytes!.Value, OrdinaryImage.DataFiles * OrdinaryImage.DataFileSize, images[1].WholeBytes!.Value);
        foreach (ImageActivityStatus activity in images.Take(2).Select(image => image.Activity!))
        {
            Assert.InRange(activity.FirstRead!.Value, status.StartedAt, DateTimeOffset.UtcNow);
            Assert.True(activity is { Misses: > 0, WaitedSeconds: > 0, Errors: 0, WrongUnits: 0, Waiting: 0 }, $"{activity}");
            Assert.True(activity.BytesByCause["demand"] > 0);
            Assert.Equal(activity.BytesByCause.Values.Sum(), activity.BytesBySource.Values.Sum());
        }

        // What images fetched is what the source delivered, and what the cache has.
        SourceStatus source = Assert.Single(status.Sources);
        Assert.Equal(($"registry {node.Registry.Host}", "healthy", 0), (source.Name, source.State, source.Failures));
        Assert.Equal(images.Sum(image => image.Activity?.BytesByCause.Values.Sum() ?? 0), source.Bytes);
        Assert.Equal(source.Bytes, status.Reads.BytesFetched);
        Assert.InRange(status.Cache.Bytes, OrdinaryImage.DataFiles * OrdinaryImage.DataFileSize, 40 << 20);
        Assert.True(status.Process is { Mounts: >= 3, Loops: 1, Descriptors: > 0 }, $"{status.Process}");

        string metrics = await AdminSocketTests.AskAsync(node.AdminSocket, "GET /v1/metrics HTTP/1.0\r\n\r\n");
        Assert.Contains("Content-Type: text/plain; version=0.0.4", metrics, StringComparison.Ordinal);
        Assert.Equal(source.Bytes, Values(metrics, "sluice_fetched_bytes_total").Sum());
        Assert.Equal([3d, 2d], Values(metrics, "sluice_images")[..2]);
        Assert.Equal(status.Reads.Misses, Values(metrics, "sluice_read_misses_total").Single());
        Assert.Equal(status.Reads.Misses, Values(metrics, "sluice_read_wait_seconds_count").Single());
        Assert.Equal(source.Answered, Values(metrics, "sluice_fetch_duration_seconds_count").Single());
        Assert.Equal(1, Values(metrics, "sluice_loop_devices").Single());

        string screen = (await SluiceProgram.RunAsync("status", "--admin-address", node.AdminSocket)).Succeeds().Output;
        Assert.Matches($@"(?m)^{Regex.Escape(rafs)} +\d+ % .*\d", screen);
        Assert.Matches($@"(?m)^{Regex.Escape(unused)} +not mounted ", screen);
        Assert.Matches($@"(?m)^registry {node.Registry.Host} +ok ", screen);
        using JsonDocument json = JsonDocument.Parse((await SluiceProgram.RunAsync("status", "--json", "--admin-address", node.AdminSocket)).Succeeds().Output);
        Assert.Equal(3, json.RootElement.GetProperty("images").GetArrayLength());
        Assert.Equal(3, json.RootElement.GetProperty("status").GetProperty("images").GetProperty("known").GetInt32());
    }

    [Fact]
    public async Task A_read_that_hangs_is_seen_while_it_does_and_after()
    {
        using TemporaryDirectory directory = new();
        string config = directory.File("config.yaml");
        await File.WriteAllTextAsync(config, "log_format: json\nhung_seconds: 1\nfetch: {deadline_seconds: 12}\n", TestMachine.Cancellation);
        await using TestNode node = await TestNode.StartAsync(null, "--config", config);
        await using FaultProxy proxy = new(new Uri($"http://{node.Registry.Host}"));
        string image = (await node.ConvertedAsync(new OrdinaryImage())).Replace(node.Registry.Host, proxy.Authority, StringComparison.Ordinal);
        await node.PullAsync(image);
        string view = await node.ViewAsync("view");
        proxy.Always = request => request.Path.Contains("/blobs/", StringComparison.Ordinal) ? new Fault(FaultKind.Silence) : null;

        AdminClient client = new(node.AdminSocket);
        using (Process reader = Process.Start(new ProcessStartInfo("cat", [Path.Combine(view, "data/3")]) { RedirectStandardOutput = true, RedirectStandardError = true })!)
        {
            NodeStatus status = await client.StatusAsync(TestMachine.Cancellation);
            while (status.Reads.Hung == 0 && !reader.HasExited) status = await client.StatusAsync(TestMachine.Cancellation);
            Assert.True(status.Reads.Hung > 0, node.Daemon!.Log);
            Assert.Equal(image, status.Waits[0].Image);
            Assert.True(status.Waits[0].Seconds >= 1);
            string screen = (await SluiceProgram.RunAsync("status", "--admin-address", node.AdminSocket)).Succeeds().Output;
            Assert.Matches(@"(?m)^waiting +\d+ reads?, \d+ for more than 1 s", screen);
            Assert.Matches($@"(?m)^{Regex.Escape(image)} +hung ", screen);
            await reader.WaitForExitAsync(TestMachine.Cancellation);
            Assert.NotEqual(0, reader.ExitCode);
        }

        NodeStatus after = await client.StatusAsync(TestMachine.Cancellation);
        Assert.Equal((0, 0), (after.Reads.Waiting, after.Reads.Hung));
        Assert.True(after.Reads is { Errors: > 0, DeadlinesPassed: > 0 }, $"{after.Reads}");
        SourceStatus source = Assert.Single(after.Sources, source => source.Failures > 0);
        Assert.True(source.FailuresByKind["silent"] > 0);
        string metrics = await AdminSocketTests.AskAsync(node.AdminSocket, "GET /v1/metrics HTTP/1.0\r\n\r\n");
        Assert.Matches($"sluice_fetch_failures_total{{source=\"{Regex.Escape(source.Name)}\",kind=\"silent\"}} [1-9]", metrics);
        Assert.Contains($"sluice_source_state{{source=\"{source.Name}\",state=\"held_back\"}} 0", metrics, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^  failed: .*\d+ silent", (await SluiceProgram.RunAsync("status", "--admin-address", node.AdminSocket)).Succeeds().Output);
        RecentLine line = after.Recent.First(recent => recent.Event == 43);
        Assert.Equal(("error", image), (line.Level, line.Image));

        // One line, one object, with image and cause.
        await TestMachine.UntilAsync(() => node.Daemon!.Log.Contains("\"event\":43", StringComparison.Ordinal), "the log has the event");
        using JsonDocument logged = JsonDocument.Parse(node.Daemon!.Log.Split('\n').First(text => text.Contains("\"event\":43", StringComparison.Ordinal)));
        Assert.Equal((image, "demand", "error"), (Text(logged, "image"), Text(logged, "cause"), Text(logged, "level")));
        Assert.Contains($"registry {proxy.Authority}", Text(logged, "message"), StringComparison.Ordinal);
        await Command.RunAsync("/bin/umount", ["-l", view]);
    }

    [Fact]
    public async Task Without_a_daemon_status_says_so() =>
        (await SluiceProgram.RunAsync("status", "--admin-address", "/nowhere/admin.sock")).Fails(10, "there is no such socket");

    /// <summary>Of all samples of a name, in their order.</summary>
    private static double[] Values(string metrics, string name) =>
        [.. Sample().Matches(metrics).Where(match => match.Groups[1].Value == name).Select(match => double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture))];

    private static string Text(JsonDocument line, string name) => line.RootElement.GetProperty(name).GetString()!;

    [GeneratedRegex(@"(?<=[\n ])([a-z_]+)(?:\{[^}]*\})? ([0-9.e+E-]+)(?=\s)")]
    private static partial Regex Sample();
}
