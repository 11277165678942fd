using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Containerd.Sockets;
using Sluice.Formats;
using Sluice.Node.Admin;
using Sluice.Node.Configuration;
using Sluice.Node.Credentials;
using Sluice.Node.Explain;
using Sluice.Node.Images;
using Sluice.Node.Logs;
using Sluice.Node.Metrics;
using Sluice.Node.Status;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Node;

/// <summary>The node daemon: the snapshotter and the admin API on their sockets, and behind them the disks and mounts of all lazy images of the node.</summary>
public sealed partial class NodeDaemon : IAsyncDisposable
{
    private readonly RegistryConnections _connections;
    private readonly PullLogins? _logins;
    private readonly CancellationTokenSource _stopping = new();
    private ImageMounter? _mounter;
    private LazyImages? _images;
    private Snapshotter? _snapshotter;
    private SnapshotterServer? _server;
    private SocketServer? _admin;
    private Task _undoing = Task.CompletedTask;
    private ConfigurationWatch? _watch;
    private MetricsServer? _metrics;
    private OtlpPush? _push;

    private NodeDaemon(RegistryConnections connections, PullLogins? logins) => (_connections, _logins) = (connections, logins);

    /// <summary>Starts everything and remounts what containers can still be made from, without network. Ready when it returns.</summary>
    /// <exception cref="SluiceException">A directory or socket is in use, or the kernel lacks something.</exception>
    public static async Task<NodeDaemon> StartAsync(LiveConfiguration configuration, ILoggerFactory loggers, CancellationToken cancellation)
    {
        NodeOptions options = configuration.Current;
        PullLogins? logins = options.ImageServiceOf.Length > 0 ? new PullLogins(options, loggers.CreateLogger("sluice")) : null;
        if (logins is not null) options = options with { Sources = options.Sources with { Credentials = options.Sources.Credentials with { Remembered = logins.Remembered } } };
        var connections = new RegistryConnections(options.Sources);
        var daemon = new NodeDaemon(connections, logins);
        try
        {
            await daemon.OpenAsync(configuration, options with { Sources = options.Sources with { Connections = connections } }, loggers, cancellation);
            return daemon;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    /// <summary>With a configuration that does not change.</summary>
    /// <inheritdoc cref="StartAsync(LiveConfiguration, ILoggerFactory, CancellationToken)"/>
    public static Task<NodeDaemon> StartAsync(NodeOptions options, ILoggerFactory loggers, CancellationToken cancellation) => StartAsync(new LiveConfiguration(() => options), loggers, cancellation);

    /// <summary>Reads the configuration again. What comes of it, also that the file is wrong, is said in the log.</summary>
    public void ReloadConfiguration()
    {
        try
        {
            _watch?.Reload();
        }
        catch (SluiceException)
        {
            // The log has it, and the old one holds.
        }
    }

    public async ValueTask DisposeAsync()
    {
        _stopping.Cancel();
        await _undoing;
        _watch?.Dispose();
        if (_images is not null) await _images.DetachDisksAsync();
        _images?.StopFetching();
        if (_push is not null) await _push.DisposeAsync();
        if (_metrics is not null) await _metrics.DisposeAsync();
        if (_admin is not null) await _admin.DisposeAsync();
        if (_server is not null) await _server.DisposeAsync();
        else _snapshotter?.Dispose();
        if (_images is not null) await _images.DisposeAsync();
        if (_mounter is not null) await _mounter.DisposeAsync();
        _connections.Dispose();
        _logins?.Dispose();
        _stopping.Dispose();
    }

    private async Task OpenAsync(LiveConfiguration configuration, NodeOptions options, ILoggerFactory loggers, CancellationToken cancellation)
    {
        var recent = new RecentLines();
        loggers.AddProvider(recent);
        ILogger logger = loggers.CreateLogger("sluice");
        _mounter = await ImageMounter.StartAsync(options, message => Log.Message(logger, message), cancellation, happened => ReadPathLog.Write(logger, happened));
        var local = new LocalImages(options.ImagesDirectory);
        var cache = new ImageCache(_mounter.Cache, local);
        cache.ApplyPins();
        _images = new LazyImages(options, _mounter, local, logger);
        _snapshotter = Snapshotter.Open(new SnapshotterOptions { Root = options.Root }, _images, logger);
        IReadOnlyList<LazyImage> known = _snapshotter.LazyImages();
        _images.RemoveUnused(known);
        known = [.. known.Where(image => image.Made is null || _images.IsHere(image))]; // a prefix that was never used is nothing but a possibility
        foreach (LazyImage image in known) await RestoreAsync(_images, image, logger, cancellation);
        _images.RemoveUnusedBlobs();
        var halts = new Halts(options, message => Log.Message(logger, message));
        _undoing = halts.UndoAsync(_stopping.Token);
        _server = await SnapshotterServer.StartAsync(_snapshotter, _logins is null ? [] : [_logins.Service], new GrpcServerOptions { SocketPath = options.SocketPath }, loggers, cancellation);
        configuration.Changed += changed => _mounter.Fetcher.Apply(changed.Fetch);
        _watch = new ConfigurationWatch(configuration, logger, TimeProvider.System);
        var observer = new NodeObserver(configuration, _mounter, _images, _snapshotter, recent, StartCounter.Next(options.State), TimeProvider.System);
        var metrics = new NodeMetrics(observer, recent, TimeProvider.System);
        _admin = await SocketServer.StartAsync(
            options.AdminSocketPath, HttpProtocols.Http1,
            new AdminApplication(AdminSubjects(options, _images, _snapshotter, cache, observer, metrics, _watch, halts), logger, _stopping.Token), loggers, cancellation);
        if (options.MetricsAddress is { } address) _metrics = await MetricsServer.StartAsync(metrics.Read, address, loggers, cancellation);
        if (options.OtlpEndpoint is { } collector) _push = new OtlpPush(metrics.Read, collector, options.OtlpInterval, logger, TimeProvider.System);
        Log.Ready(logger, options.SocketPath, known.Count, _mounter.OnLoop ? "loop" : "file");
    }

    /// <summary>What the admin API can be asked; one line a subject.</summary>
    private static IReadOnlyList<IAdminRoutes> AdminSubjects(
        NodeOptions options, LazyImages images, Snapshotter snapshotter, ImageCache cache, NodeObserver observer, NodeMetrics metrics, ConfigurationWatch watch, Halts halts) =>
    [
        new StatusRoutes(observer),
        new ExplainRoutes(new ImageExplainer(images, snapshotter)),
        new MetricsRoutes(metrics),
        new ConfigurationRoutes(watch),
        new ImageRoutes(new ImageRegistration(options, images, snapshotter), new ContainerCommit(options, snapshotter, images, halts, TimeProvider.System)),
        new CacheRoutes(cache),
    ];

    /// <summary>One image that can't be mounted does not keep the others from starting; containerd hears of it when it asks.</summary>
    private static async Task RestoreAsync(LazyImages images, LazyImage image, ILogger logger, CancellationToken cancellation)
    {
        try
        {
            await images.MountAsync(image, cancellation);
        }
        catch (Exception exception) when (exception is SluiceException or IOException or UnauthorizedAccessException)
        {
            Log.NotRestored(logger, image.Reference, exception.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "{Message}")]
        public static partial void Message(ILogger logger, string message);

        [LoggerMessage(2, LogLevel.Information, "Ready on {Socket}: {Images} images known, EROFS mounts by {Mode}")]
        public static partial void Ready(ILogger logger, string socket, int images, string mode);

        [LoggerMessage(3, LogLevel.Warning, "Image {Image} is not mounted again: {Reason}")]
        public static partial void NotRestored(ILogger logger, string image, string reason);
    }
}
