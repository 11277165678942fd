using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots.Lazy;

namespace Sluice.Containerd.Snapshots;

/// <summary>A <see cref="Snapshotter"/> on a unix socket, ready for <c>proxy_plugins</c> of containerd's configuration.</summary>
public sealed class SnapshotterServer : IAsyncDisposable
{
    private readonly TaskCompletionSource<IReadOnlyList<GrpcService>> _services;
    private readonly GrpcServer _server;
    private Snapshotter? _snapshotter;
    private Task _cleanup = Task.CompletedTask;

    private SnapshotterServer(GrpcServer server, TaskCompletionSource<IReadOnlyList<GrpcService>> services) => (_server, _services) = (server, services);

    /// <summary>True from <see cref="Serve"/> on.</summary>
    public bool IsServing => _snapshotter is not null;

    public Snapshotter Snapshotter => _snapshotter ?? throw new InvalidOperationException("nothing is served yet");

    /// <summary>Accepts connections; calls wait for <see cref="Serve"/>.</summary>
    public static async Task<SnapshotterServer> ListenAsync(GrpcServerOptions options, ILoggerFactory? loggers, CancellationToken cancellation)
    {
        TaskCompletionSource<IReadOnlyList<GrpcService>> services = new(TaskCreationOptions.RunContinuationsAsynchronously);
        return new SnapshotterServer(await GrpcServer.StartAsync(options, services.Task, loggers, cancellation), services);
    }

    /// <summary>Serves <paramref name="snapshotter"/>, which the server then owns, and begins to delete what an earlier run has left.</summary>
    public static Task<SnapshotterServer> StartAsync(
        Snapshotter snapshotter, GrpcServerOptions options, ILoggerFactory? loggers, CancellationToken cancellation) =>
        StartAsync(snapshotter, [], options, loggers, cancellation);

    /// <summary>Serves <paramref name="snapshotter"/> and, on the same socket, other services.</summary>
    public static async Task<SnapshotterServer> StartAsync(
        Snapshotter snapshotter, IReadOnlyList<GrpcService> others, GrpcServerOptions options, ILoggerFactory? loggers, CancellationToken cancellation)
    {
        SnapshotterServer server = await ListenAsync(options, loggers, cancellation);
        server.Serve(snapshotter, others);
        return server;
    }

    /// <summary>Answers calls from now on, and those of other services. The snapshotter is the server's then.</summary>
    public void Serve(Snapshotter snapshotter, IReadOnlyList<GrpcService> others)
    {
        _snapshotter = snapshotter;
        _cleanup = Task.Run(snapshotter.Cleanup);
        _services.SetResult([SnapshotsService.For(snapshotter), .. others]);
    }

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
        _services.TrySetCanceled();
        await _server.DisposeAsync();
        await _cleanup.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _snapshotter?.Dispose();
    }
}
