using System.Diagnostics;
using System.Globalization;
using System.Text;
using Sluice.Containerd.Client;
using Sluice.Containerd.Grpc;

namespace Sluice.Testing.Runtime;

/// <summary>The real containerd with root, state and sockets of its own, below one directory.</summary>
internal sealed class ContainerdProcess : IAsyncDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(20);

    private readonly string _directory;
    private readonly StringBuilder _log = new();
    private readonly Process _process;

    private ContainerdProcess(string directory, Process process)
    {
        _directory = directory;
        _process = process;
        process.ErrorDataReceived += (_, line) => Append(line.Data);
        process.OutputDataReceived += (_, line) => Append(line.Data);
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    public string Socket => SocketOf(_directory);

    /// <summary>Skips the calling test where containerd, runc or the rights are missing.</summary>
    public static void Require()
    {
        Command.RequireRoot();
        Command.Require("containerd");
        Command.Require("ctr");
        Command.Require("runc");
    }

    public static async Task<ContainerdProcess> StartAsync(string directory, ContainerdOptions options)
    {
        Require();
        Directory.CreateDirectory(directory);
        string config = Path.Combine(directory, "config.toml");
        await File.WriteAllTextAsync(config, Configuration(directory, options));
        ProcessStartInfo start = new(Command.Require("containerd"), ["-c", config]) { RedirectStandardError = true, RedirectStandardOutput = true };
        ContainerdProcess self = new(directory, Process.Start(start)!);
        try
        {
            await self.WaitAsync();
            return self;
        }
        catch
        {
            await self.DisposeAsync();
            throw;
        }
    }

    public ContainerdClient Connect(string containerNamespace = "default") => new(Socket, containerNamespace);

    /// <summary>Runs ctr and fails the test with its output when it fails.</summary>
    public async Task<string> CtrAsync(params string[] arguments)
    {
        (int exitCode, string output) = await TryCtrAsync(arguments);
        Assert.True(exitCode == 0, $"ctr {string.Join(' ', arguments)}\n{output}\n{LogTail()}");
        return output;
    }

    public Task<(int ExitCode, string Output)> TryCtrAsync(params string[] arguments) => Command.RunAsync("ctr", ["-a", Socket, .. arguments]);

    /// <summary>
    /// The snapshotter was away: waits until containerd, which refuses calls for up to 3 s before it dials again, has found it. A snapshot is made because containerd answers what it can without the snapshotter.
    /// </summary>
    public async Task FindSnapshotterAsync()
    {
        while (await TryCtrAsync("snapshots", "--snapshotter", "sluice", "prepare", "found") is { ExitCode: not 0 } refused)
        {
            Assert.Contains("unavailable", refused.Output, StringComparison.Ordinal);
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        await CtrAsync("snapshots", "--snapshotter", "sluice", "rm", "found");
    }

    /// <summary>The last lines that containerd wrote.</summary>
    public string LogTail(int lines = 15)
    {
        lock (_log) return string.Join('\n', _log.ToString().Split('\n').TakeLast(lines));
    }

    /// <summary>Ends containers that a failed test has left, and containerd.</summary>
    public async ValueTask DisposeAsync()
    {
        await RemoveTasksAsync();
        if (!_process.HasExited) await Command.RunAsync("/bin/kill", [_process.Id.ToString(CultureInfo.InvariantCulture)]);
        using CancellationTokenSource patience = new(StopLimit);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private static string SocketOf(string directory) => Path.Combine(directory, "c.sock");

    /// <summary>oom_score, restrict_oom_score_adj and the switched-off plugins: what a machine without CAP_SYS_RESOURCE, zfs, btrfs … allows.</summary>
    private static string Configuration(string directory, ContainerdOptions options)
    {
        string cri = "io.containerd.grpc.v1.cri";
        string text = $"""
            version = 2
            root = "{directory}/root"
            state = "{directory}/state"
            disabled_plugins = [{(options.SandboxImage is null ? $"\"{cri}\", " : "")}"io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]
            oom_score = 0
            [grpc]
              address = "{SocketOf(directory)}"
            [plugins."io.containerd.internal.v1.opt"]
              path = "{directory}/opt"
            [proxy_plugins.sluice]
              type = "snapshot"
              address = "{options.SnapshotterSocket}"

            """;
        return options.SandboxImage is null ? text : text + $"""
            [plugins."{cri}"]
              sandbox_image = "{options.SandboxImage}"
              restrict_oom_score_adj = true
              stream_server_address = "127.0.0.1"
              stream_server_port = "0"
            [plugins."{cri}".cni]
              conf_dir = "{directory}/cni"
            [plugins."{cri}".containerd]
              snapshotter = "sluice"
              disable_snapshot_annotations = false
            [plugins."{cri}".registry]
              config_path = "{options.HostsDirectory}"
            """;
    }

    private async Task WaitAsync()
    {
        using ContainerdClient client = Connect();
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                await client.GetVersionAsync(TestContext.Current.CancellationToken);
                return;
            }
            catch (GrpcException exception) when (exception.Status == GrpcStatusCode.Unavailable && attempt < 300 && !_process.HasExited)
            {
                await Task.Delay(50);
            }
            catch (GrpcException exception)
            {
                throw new InvalidOperationException($"containerd did not start\n{LogTail()}", exception);
            }
        }
    }

    /// <summary>Shims outlive containerd, and runc keeps what it knows of a container in a place that all containerds share.</summary>
    private async Task RemoveTasksAsync()
    {
        string tasks = Path.Combine(_directory, "state", "io.containerd.runtime.v2.task");
        if (!Directory.Exists(tasks)) return;
        foreach (string bundle in Directory.EnumerateDirectories(tasks).SelectMany(Directory.EnumerateDirectories).ToArray())
        {
            string id = Path.GetFileName(bundle), containerNamespace = Path.GetFileName(Path.GetDirectoryName(bundle)!);
            if (!_process.HasExited) await Command.RunAsync("ctr", ["-a", Socket, "--timeout", "10s", "-n", containerNamespace, "tasks", "rm", "--force", id]);
            if (!Directory.Exists(bundle)) continue;
            if (int.TryParse(TextOf(Path.Combine(bundle, "shim.pid")), CultureInfo.InvariantCulture, out int shim)) await Command.RunAsync("/bin/kill", ["-9", $"{shim}"]);
            await Command.RunAsync("runc", ["--root", "/run/containerd/runc/" + containerNamespace, "delete", "--force", id]);
        }

        static string TextOf(string path) => File.Exists(path) ? File.ReadAllText(path) : "";
    }

    private void Append(string? line)
    {
        lock (_log) _log.AppendLine(line);
    }
}
