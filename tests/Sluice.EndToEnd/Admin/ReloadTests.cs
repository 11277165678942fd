using System.Globalization;
using Sluice.EndToEnd.Harness;
using Sluice.Testing;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Admin;

/// <summary>What a running node takes over from a configuration that has changed.</summary>
public sealed class ReloadTests
{
    [Fact]
    public async Task The_configuration_can_be_changed_while_it_runs()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        string config = workspace.File("config.yaml"), socket = SluiceDaemon.AdminSocketOf(workspace.File("sluice"));
        await WriteAsync("fetch: {concurrency: 3}\n");
        await using SluiceDaemon daemon = await SluiceDaemon.StartAsync(workspace.File("sluice"), "--config", config);
        Assert.Equal("nothing has changed\n", (await ReloadAsync()).Succeeds().Output);

        // The file alone.
        await WriteAsync("log_level: debug\nfetch: {concurrency: 4}\n");
        await TestMachine.UntilAsync(() => daemon.Log.Contains("changed: log_level, fetch.concurrency", StringComparison.Ordinal), "the changed file is noticed");

        // SIGHUP; whether the watch or the signal is first, nobody is told twice.
        await WriteAsync("mount: {mode: loop}\nlog_level: debug\nfetch: {concurrency: 4}\n");
        await Command.RunAsync("/bin/kill", ["-HUP", daemon.ProcessId.ToString(CultureInfo.InvariantCulture)]);
        await TestMachine.UntilAsync(() => daemon.Log.Contains("restart needed for: mount.mode", StringComparison.Ordinal), "the key that needs a restart is named");
        Assert.Equal("restart needed: mount.mode\n", (await ReloadAsync()).Succeeds().Output);

        await WriteAsync("fetch: {concurrency: 0}\n");
        (await ReloadAsync()).Fails(2, "config.yaml:1", "'fetch.concurrency' is '0'");
        Assert.Contains("is wrong and the old one holds", daemon.Log, StringComparison.Ordinal);
        await WriteAsync("log_level: debug\nfetch: {concurrency: 4}\n");
        Assert.Equal("nothing has changed\n", (await ReloadAsync()).Succeeds().Output);
        await daemon.StopAsync();

        Task WriteAsync(string text) => File.WriteAllTextAsync(config, text, TestMachine.Cancellation);
        Task<SluiceResult> ReloadAsync() => SluiceProgram.RunAsync("reload", "--admin-address", socket);
    }

    [Fact]
    public async Task A_mounted_image_comes_from_the_mirrors_and_with_the_logins_that_are_configured_now()
    {
        using TemporaryDirectory directory = new();
        string config = directory.File("config.yaml"), hosts = directory.File("hosts");
        Directory.CreateDirectory(hosts);
        await WriteAsync(config, $"registry: {{hosts_dir: {hosts}}}\n");
        await using TestNode node = await TestNode.StartAsync(null, "--config", config);
        await using FaultProxy registry = new(new Uri($"http://{node.Registry.Host}")), mirror = new(new Uri($"http://{node.Registry.Host}"));
        string image = (await node.ConvertedAsync(new OrdinaryImage())).Replace(node.Registry.Host, registry.Authority, StringComparison.Ordinal);
        await node.PullAsync(image);
        string view = await node.ViewAsync("view");
        try
        {
            registry.Always = request => request.Path.Contains("/blobs/", StringComparison.Ordinal) ? Fault.Answer(500) : null;
            string wrong = Path.Combine(hosts, registry.Authority, "hosts.toml");
            Directory.CreateDirectory(Path.GetDirectoryName(wrong)!);
            await WriteAsync(wrong, "[host");
            (await ReloadAsync()).Fails(2, "hosts.toml");

            // The file of mirrors alone, then a setting.
            await WriteAsync(wrong, $"[host.\"{mirror.Address}\"]\n");
            Assert.Matches("changed: registry.hosts_dir\n|nothing has changed\n", (await ReloadAsync()).Succeeds().Output);
            Assert.Equal(0, (await Command.RunAsync("/bin/cat", [Path.Combine(view, "data/3")])).ExitCode);
            Assert.NotEmpty(mirror.Requests);

            mirror.Respond = request => request.Header("Authorization") == "Basic bWU6b25l" ? null : new ProxyResponse(401, []) { Headers = { ["WWW-Authenticate"] = "Basic" } };
            string logins = directory.File("auth.json");
            await WriteAsync(logins, "{\"auths\":{\"" + mirror.Authority + "\":{\"auth\":\"bWU6b25l\"}}}");
            await WriteAsync(config, $"registry: {{hosts_dir: {hosts}, auth_file: {logins}}}\ncache: {{quota: 1GiB}}\n");
            await TestMachine.UntilAsync(() => node.Daemon!.Log.Contains("changed: registry.auth_file, cache.quota", StringComparison.Ordinal), "the changed file is noticed");
            Assert.Equal(0, (await Command.RunAsync("/bin/cat", [Path.Combine(view, "data/4")])).ExitCode);
        }
        finally
        {
            await Command.RunAsync("/bin/umount", ["-l", view]);
        }

        Task<SluiceResult> ReloadAsync() => SluiceProgram.RunAsync("reload", "--admin-address", node.AdminSocket);
        static Task WriteAsync(string path, string text) => File.WriteAllTextAsync(path, text, TestMachine.Cancellation);
    }
}
