using Sluice.Containerd.Client;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Testing;
using Sluice.Testing.Runtime;

namespace Sluice.Containerd.Tests.Runtime;

/// <summary>The real containerd, and a snapshotter of ours in this process as its plugin <c>sluice</c>.</summary>
internal sealed class PrivateContainerd : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ILazyImages _images;
    private ContainerdProcess _containerd = null!;

    private PrivateContainerd(ILazyImages images) => _images = images;

    public string Root => _directory.File("snapshots");

    public SnapshotterServer Server { get; private set; } = null!;

    private string SnapshotterSocket => _directory.File("s.sock");

    /// <summary>Skips the calling test where containerd, runc or the rights are missing.</summary>
    public static async Task<PrivateContainerd> StartAsync(ILazyImages images)
    {
        ContainerdProcess.Require();
        PrivateContainerd self = new(images);
        try
        {
            await self.StartSnapshotterAsync();
            self._containerd = await ContainerdProcess.StartAsync(self._directory.File("containerd"), new ContainerdOptions { SnapshotterSocket = self.SnapshotterSocket });
            return self;
        }
        catch
        {
            await self.DisposeAsync();
            throw;
        }
    }

    public ContainerdClient Connect(string containerNamespace = "default") => _containerd.Connect(containerNamespace);

    /// <summary>Runs ctr and fails the test with its output when it fails.</summary>
    public Task<string> CtrAsync(params string[] arguments) => _containerd.CtrAsync(arguments);

    public Task<(int ExitCode, string Output)> TryCtrAsync(params string[] arguments) => _containerd.TryCtrAsync(arguments);

    /// <summary>Ends the snapshotter and starts a new one on the same root; containerd goes on, and has found that one.</summary>
    public async Task RestartSnapshotterAsync()
    {
        await Server.DisposeAsync();
        await StartSnapshotterAsync();
        await _containerd.FindSnapshotterAsync();
    }

    /// <summary>So long that containerd has been refused; it has not dialled the new one yet.</summary>
    public async Task ReturnSnapshotterLateAsync()
    {
        await Server.DisposeAsync();
        while (!(await TryCtrAsync("snapshots", "--snapshotter", "sluice", "prepare", "refused")).Output.Contains("unavailable", StringComparison.Ordinal)) await Task.Delay(50, TestContext.Current.CancellationToken);
        await StartSnapshotterAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_containerd is not null) await _containerd.DisposeAsync();
        if (Server is not null) await Server.DisposeAsync();
        _directory.Dispose();
    }

    private async Task StartSnapshotterAsync() => Server = await SnapshotterServer.StartAsync(
        new SnapshotterOptions { Root = Root }, _images, new GrpcServerOptions { SocketPath = SnapshotterSocket }, null, TestContext.Current.CancellationToken);
}
