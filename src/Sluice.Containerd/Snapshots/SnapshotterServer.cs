using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots.Lazy;

namespace Sluice.Containerd.Snapshots;

/// <summary>A <see cref="Snapshotter"/> on a unix socket, ready for <c>proxy_plugins</c> of containerd's configuration.</summary>
public sealed class SnapshotterServer : IAsyncDisposable
{
    private readonly GrpcServer _server;
    private readonly Task _cleanup;

    private SnapshotterServer(GrpcServer server, Snapshotter snapshotter)
    {
        (_server, Snapshotter) = (server, snapshotter);
        _cleanup = Task.Run(snapshotter.Cleanup);
    }

    public Snapshotter Snapshotter { get; }

    /// <summary>Serves <paramref name="snapshotter"/>, which the server then owns, and begins to delete what an earlier run has left.</summary>
    public static Task<SnapshotterServer> StartAsync(
        Snapshotter snapshotter, GrpcServerOptions options, ILoggerFactory? loggers, CancellationToken cancellation) =>
        StartAsync(snapshotter, [], options, loggers, cancellation);

    /// <summary>Serves <paramref name="snapshotter"/> and, on the same socket, other services.</summary>
    public static async Task<SnapshotterServer> StartAsync(
        Snapshotter snapshotter, IReadOnlyList<GrpcService> others, GrpcServerOptions options, ILoggerFactory? loggers, CancellationToken cancellation) =>
        new(await GrpcServer.StartAsync(options, [SnapshotsService.For(snapshotter), .. others], loggers, cancellation), snapshotter);

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
