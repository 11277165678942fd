using System.Diagnostics;
using System.Text;
using Sluice.Containerd.Client;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Testing;

namespace Sluice.Containerd.Tests.Runtime;

/// <summary>The real containerd with root, state and sockets of its own, and a snapshotter of ours as its plugin <c>sluice</c>.</summary>
internal sealed class PrivateContainerd : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly StringBuilder _log = new();
    private readonly ILazyImages _images;
    private Process? _process;

    private PrivateContainerd(ILazyImages images) => _images = images;

    public string Socket => _directory.File("c.sock");

    public string Root => _directory.File("snapshots");

    public SnapshotterServer Server { get; private set; } = null!;

    /// <summary>Skips the calling test where containerd, runc or the rights are missing.</summary>
    public static async Task<PrivateContainerd> StartAsync(ILazyImages images)
    {
        Command.RequireRoot();
        string containerd = Command.Require("containerd");
        Command.Require("ctr");
        Command.Require("runc");
        PrivateContainerd self = new(images);
        try
        {
            await self.StartSnapshotterAsync();
            await self.StartContainerdAsync(containerd);
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
        Assert.True(exitCode == 0, $"ctr {string.Join(' ', arguments)}\n{output}\n{Log()}");
        return output;
    }

    public Task<(int ExitCode, string Output)> TryCtrAsync(params string[] arguments) => Command.RunAsync("ctr", ["-a", Socket, .. arguments]);

    /// <summary>Ends the snapshotter and starts a new one on the same root; containerd goes on.</summary>
    public async Task RestartSnapshotterAsync()
    {
        await Server.DisposeAsync();
        await StartSnapshotterAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            if (!_process.HasExited) await Command.RunAsync("/bin/kill", [_process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            using CancellationTokenSource patience = new(TimeSpan.FromSeconds(20));
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

        if (Server is not null) await Server.DisposeAsync();
        _directory.Dispose();
    }

    private async Task StartSnapshotterAsync() => Server = await SnapshotterServer.StartAsync(
        new SnapshotterOptions { Root = Root }, _images, new GrpcServerOptions { SocketPath = _directory.File("s.sock") }, null, TestContext.Current.CancellationToken);

    private async Task StartContainerdAsync(string containerd)
    {
        // oom_score and the switched-off plugins: what a machine without CAP_SYS_RESOURCE, zfs, btrfs … allows.
        string config = _directory.File("config.toml");
        await File.WriteAllTextAsync(config, $"""
            version = 2
            root = "{_directory.File("root")}"
            state = "{_directory.File("state")}"
            disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]
            oom_score = 0
            [grpc]
              address = "{Socket}"
            [plugins."io.containerd.internal.v1.opt"]
              path = "{_directory.File("opt")}"
            [proxy_plugins.sluice]
              type = "snapshot"
              address = "{_directory.File("s.sock")}"
            """);
        ProcessStartInfo start = new(containerd, ["-c", config]) { RedirectStandardError = true, RedirectStandardOutput = true };
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) => Append(line.Data);
        _process.OutputDataReceived += (_, line) => Append(line.Data);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
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
                throw new InvalidOperationException($"containerd did not start\n{Log()}", exception);
            }
        }
    }

    private void Append(string? line)
    {
        lock (_log) _log.AppendLine(line);
    }

    private string Log()
    {
        lock (_log) return string.Join('\n', _log.ToString().Split('\n').TakeLast(15));
    }
}
