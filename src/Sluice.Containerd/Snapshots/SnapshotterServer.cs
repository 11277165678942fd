using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Protos.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;

namespace Sluice.Containerd.Snapshots;

/// <summary>A <see cref="Snapshotter"/> on a unix socket, ready for <c>proxy_plugins</c> of containerd's configuration.</summary>
public sealed class SnapshotterServer : IAsyncDisposable
{
    private static readonly GrpcMethod<StatSnapshotRequest, StatSnapshotResponse> Stat = new("/containerd.services.snapshots.v1.Snapshots/Stat", StatSnapshotResponse.Parser);

    private readonly GrpcServer _server;
    private readonly Task _cleanup;

    private SnapshotterServer(GrpcServer server, string socketPath, Snapshotter snapshotter)
    {
        (_server, SocketPath, Snapshotter) = (server, socketPath, snapshotter);
        _cleanup = Task.Run(snapshotter.Cleanup);
    }

    public Snapshotter Snapshotter { get; }

    public string SocketPath { get; }

    /// <summary>Asks whoever listens on a socket for a snapshot that there is not.</summary>
    /// <returns>What is wrong; null: it has answered.</returns>
    public static async Task<string?> FindFaultAsync(string socketPath, CancellationToken cancellation)
    {
        using GrpcChannel channel = new(socketPath, $"the snapshotter on {socketPath}");
        try
        {
            await channel.UnaryAsync(Stat, new StatSnapshotRequest { Key = "none" }, GrpcCallOptions.None, cancellation);
            return null;
        }
        catch (GrpcException exception)
        {
            return exception.Status == GrpcStatusCode.NotFound ? null : exception.Message;
        }
    }

    /// <summary>Serves <paramref name="snapshotter"/>, which the server then owns, and begins to delete what an earlier run has left.</summary>
    public static Task<SnapshotterServer> StartAsync(
        Snapshotter snapshotter, GrpcServerOptions options, ILoggerFactory? loggers, CancellationToken cancellation) =>
        StartAsync(snapshotter, [], options, loggers, cancellation);

    /// <summary>Serves <paramref name="snapshotter"/> and, on the same socket, other services.</summary>
    public static async Task<SnapshotterServer> StartAsync(
        Snapshotter snapshotter, IReadOnlyList<GrpcService> others, GrpcServerOptions options, ILoggerFactory? loggers, CancellationToken cancellation) =>
        new(await GrpcServer.StartAsync(options, [SnapshotsService.For(snapshotter), .. others], loggers, cancellation), options.SocketPath, snapshotter);

    /// <summary>Opens the snapshotter and serves it.</summary>
    public static async Task<SnapshotterServer> StartAsync(
        SnapshotterOptions snapshots, ILazyImages images, GrpcServerOptions options, ILoggerFactory? loggers, CancellationToken cancellation)
    {
        ILogger logger = (loggers ?? NullLoggerFactory.Instance).CreateLogger<Snapshotter>();
        Snapshotter snapshotter = Snapshots.Snapshotter.Open(snapshots, images, logger);
        try
        {
            return await StartAsync(snapshotter, options, loggers, cancellation);
        }
        catch
        {
            snapshotter.Dispose();
            throw;
        }
    }

    /// <summary>Lets the calls in flight end, and takes no more.</summary>
    public Task DrainAsync() => _server.DrainAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _cleanup.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Snapshotter.Dispose();
    }
}
