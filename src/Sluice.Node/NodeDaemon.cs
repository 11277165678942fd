using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Containerd.Sockets;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;
using Sluice.Node.Admin;
using Sluice.Node.Configuration;
using Sluice.Node.Credentials;
using Sluice.Node.Explain;
using Sluice.Node.Images;
using Sluice.Node.Logs;
using Sluice.Node.Metrics;
using Sluice.Node.Policies;
using Sluice.Node.Starts;
using Sluice.Node.Status;
using Sluice.Node.Succession;
using Sluice.Storage.Cache;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Node;

/// <summary>The node daemon: the snapshotter and the admin API on their sockets, and behind them the disks and mounts of all lazy images of the node.</summary>
public sealed partial class NodeDaemon : IAsyncDisposable
{
    private readonly RegistryConnections _connections;
    private readonly PullLogins _logins;
    private readonly CancellationTokenSource _stopping = new();
    private readonly StopOrder _stop = new();
    private Successor? _successor;
    private DirectoryLock? _rootLock;
    private ImageMounter? _mounter;
    private LazyImages? _images;
    private OrdinaryImages? _ordinary;
    private Snapshotter? _snapshotter;
    private KeptListener? _listener;
    private SnapshotterServer? _server;
    private SocketServer? _admin;
    private Task _restoring = Task.CompletedTask, _undoing = Task.CompletedTask;
    private ConfigurationWatch? _watch;
    private MetricsServer? _metrics;
    private OtlpPush? _push;

    private NodeDaemon(RegistryConnections connections, PullLogins logins) => (_connections, _logins) = (connections, logins);

    /// <summary>
    /// Starts everything: takes over what a predecessor has mounted, and begins to mount again, without network, what else containers can still be made from. Ready when it
    /// returns.
    /// </summary>
    /// <exception cref="SluiceException">A directory or socket is in use, or the kernel lacks something. What was mounted stays, if it has a keeper.</exception>
    public static async Task<NodeDaemon> StartAsync(LiveConfiguration configuration, ILoggerFactory loggers, CancellationToken cancellation)
    {
        NodeOptions options = configuration.Current;
        foreach (string provider in options.SkippedProviders) Log.ProviderSkipped(loggers.CreateLogger("sluice"), provider);
        _ = Task.Run(static () => Digest.Sha256([])); // loads OpenSSL beside the rest, for which the first reader would wait
        if (options.FormerKeeper is { } former) Log.FormerKeeper(loggers.CreateLogger("sluice"), former);
        var logins = new PullLogins(options, loggers.CreateLogger("sluice"));
        options = options with { Sources = logins.In(options) };
        ILogger logger = loggers.CreateLogger("sluice");
        var connections = new RegistryConnections(options.Sources, message => Log.Message(logger, message));
        var daemon = new NodeDaemon(connections, logins);
        try
        {
            await daemon.OpenAsync(configuration, options with { Sources = options.Sources with { Connections = connections } }, loggers, cancellation);
            return daemon;
        }
        catch
        {
            await daemon.LeaveAsync();
            await daemon.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Starts as the successor of a running daemon: has that one leave what it has mounted and end, and goes on where it was. Nobody who asks containerd for a container
    /// meanwhile is refused; he waits.
    /// </summary>
    /// <inheritdoc cref="StartAsync(LiveConfiguration, ILoggerFactory, CancellationToken)"/>
    public static async Task<NodeDaemon> SucceedAsync(LiveConfiguration configuration, ILoggerFactory loggers, CancellationToken cancellation)
    {
        NodeOptions options = configuration.Current;
        RootVersions.Check(options.Root); // else the running one would leave, and nobody come
        var predecessor = new AdminClient(options.AdminSocketPath);
        await predecessor.FindProcessAsync(cancellation); // one that is not there, or too old to leave, keeps its socket
        await Rehearsal.RunAsync(options, cancellation);
        await predecessor.StopAsync(new StopRequest(Unmount: false), cancellation);
        await Predecessor.UntilGoneAsync(options, cancellation);
        return await StartAsync(configuration, loggers, cancellation);
    }

    /// <inheritdoc cref="ImageMounter.RehearseAsync"/>
    internal Task RehearseAsync(LocalImage image, CancellationToken cancellation) => _mounter!.RehearseAsync(image, cancellation);

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

    /// <summary>Asks itself what containerd and the kernel ask it: for a snapshot, over the socket, and for a sign of life of the disks.</summary>
    /// <returns>What does not answer, or null.</returns>
    public async Task<string?> FindSilentAsync(CancellationToken cancellation)
    {
        if (_server is not { } server || _mounter is not { } mounter) return null; // it is ending
        if (await SnapshotterServer.FindFaultAsync(server.SocketPath, cancellation) is { } fault) return fault;
        ServerHealth disks = await mounter.AskDisksAsync(cancellation);
        return disks == ServerHealth.Alive ? null : $"the disks: {disks}";
    }

    /// <summary>Completes when somebody asks for the end through the admin API; true: with everything unmounted.</summary>
    public Task<bool> StopAsked => _stop.Asked;

    /// <summary>
    /// Before <see cref="DisposeAsync"/>: what is mounted stays, for a successor to serve, and who calls meanwhile waits. Does nothing without a keeper, or if nothing is mounted and no successor has asked
    /// for it.
    /// </summary>
    public async Task LeaveAsync()
    {
        if (_successor?.Process is { } next && Directory.Exists($"/proc/{next}")) ServiceManager.MainProcess(next);
        if (_mounter is not { IsKept: true } || _images is null) return;
        bool isLeft = _stop.Asked.IsCompleted || !_images.IsEmpty;
        if (isLeft)
        {
            _listener?.Leave();
            _listener = null;
        }

        if (_ordinary is not null) await _ordinary.DisposeAsync(); // else calls last as long as downloads do
        if (_server is not null) await _server.DrainAsync();
        if (!isLeft && _images.IsEmpty) return;
        await EndRequestsAsync();
        _rootLock?.Dispose();
        DaemonStarts.End(_mounter.State, toSuccessor: _stop.Asked.IsCompleted);
        await _images.LeaveAsync();
    }

    /// <summary>Ends everything and unmounts what is mounted; containers that still run lose it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _undoing;
        _watch?.Dispose();
        if (_images is not null) await _images.DetachDisksAsync();
        _images?.StopFetching();
        await EndRequestsAsync();
        if (_images is not null) await _images.DisposeAsync();
        _rootLock?.Dispose(); // before the lock of the state directory, which the mounter gives back: a successor waits for that one only
        if (_mounter is not null) await _mounter.DisposeAsync();
        _connections.Dispose();
        _logins.Dispose();
        _stopping.Dispose();
    }

    /// <summary>What is open follows, too.</summary>
    private Action PrepareSources(NodeOptions wanted)
    {
        Action change = _connections.Prepare(_logins.In(wanted));
        return () =>
        {
            _logins.Apply(wanted);
            change();
        };
    }

    private async Task EndRequestsAsync()
    {
        await _stopping.CancelAsync();
        _watch?.Dispose();
        if (_ordinary is not null) await _ordinary.DisposeAsync();
        (OtlpPush? push, _push) = (_push, null);
        (MetricsServer? metrics, _metrics) = (_metrics, null);
        if (push is not null) await push.DisposeAsync();
        if (metrics is not null) await metrics.DisposeAsync();
        (SocketServer? admin, _admin) = (_admin, null);
        (SnapshotterServer? server, _server) = (_server, null);
        if (admin is not null) await admin.DisposeAsync();
        if (server is not null) await server.DisposeAsync();
        else _snapshotter?.Dispose();
        _snapshotter = null;
        (KeptListener? listener, _listener) = (_listener, null);
        listener?.Dispose();
        await _restoring.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task OpenAsync(LiveConfiguration configuration, NodeOptions options, ILoggerFactory loggers, CancellationToken cancellation)
    {
        var recent = new RecentLines();
        loggers.AddProvider(recent);
        ILogger logger = loggers.CreateLogger("sluice");
        _rootLock = DirectoryLock.Take(options.Root, "stop the other process, or choose another root");
        var local = new LocalImages(options.ImagesDirectory);
        _mounter = await ImageMounter.StartAsync(options, local, message => Log.Message(logger, message), cancellation, happened => ReadPathLog.Write(logger, happened), () => _logins.Apply(options));
        var archive = new ImageArchive(local, reference => ImageStores.Open(ImageReference.Parse(reference), options.Sources), () => _mounter.Fetcher.Options.RequestDeadline);
        var cache = new ImageCache(_mounter.Cache, local, archive, _mounter.OpenCacheAsync);
        cache.ApplyPins();
        var policies = new PullPolicies(options.Policies, options.Prefetch.IsOn);
        _images = new LazyImages(options, _mounter, local, new ImageStarts(options, _mounter, policies, logger), logger);
        _ordinary = new OrdinaryImages(options, policies, logger, TimeProvider.System);
        _images.RepositoryGone = _logins.Remembered.Forget;
        _images.Adopt();
        _snapshotter = Snapshotter.Open(new SnapshotterOptions { Root = options.Root, IsRootLocked = true }, _images, logger, _ordinary);
        _images.Starts.Commands = new StartCommands(_snapshotter, options.ContainerdSocket);
        IReadOnlyList<LazyImage> known = _snapshotter.LazyImages();
        _images.RemoveUnused(known);
        known = [.. known.Where(image => image.Made is null || _images.IsHere(image))]; // a prefix that was never used is nothing but a possibility
        await _images.RemoveUnusedMountsAsync(known, _snapshotter.Exists, cancellation);
        var halts = new Halts(options, message => Log.Message(logger, message));
        _undoing = halts.UndoAsync(_stopping.Token);
        _listener = _mounter.Listen(options.SocketPath);
        _server = await SnapshotterServer.StartAsync(_snapshotter, [_logins.Service], new GrpcServerOptions { SocketPath = options.SocketPath, Listener = _listener.Socket }, loggers, CancellationToken.None); // one that is not served removes the path of a socket that callers wait on
        configuration.Prepare = PrepareSources;
        configuration.Changed += _mounter.Apply;
        configuration.Changed += changed => policies.Apply(changed.Policies);
        _watch = new ConfigurationWatch(configuration, logger, TimeProvider.System);
        var observer = new NodeObserver(configuration, _mounter, _images, _snapshotter, recent, DaemonStarts.Next(options.State, _mounter.HasTakenOver), TimeProvider.System);
        var metrics = new NodeMetrics(observer, recent, TimeProvider.System);
        _successor = new Successor(_mounter.IsKept);
        _admin = await SocketServer.StartAsync(
            options.AdminSocketPath, HttpProtocols.Http1,
            new AdminApplication(AdminSubjects(options, policies, _stop, _successor, local, _images, _ordinary, _snapshotter, cache, observer, metrics, _watch, halts), logger, _stopping.Token), loggers, cancellation);
        if (options.MetricsAddress is { } address) _metrics = await MetricsServer.StartAsync(metrics.Read, address, loggers, cancellation);
        if (options.OtlpEndpoint is { } collector) _push = new OtlpPush(metrics.Read, collector, options.OtlpInterval, logger, TimeProvider.System);
        Log.Ready(logger, options.SocketPath, known.Count, _mounter.OnLoop ? "loop" : "file");
        Snapshotter snapshotter = _snapshotter;
        _restoring = Task.Run(() => RestoreAsync(snapshotter, known, logger), CancellationToken.None);
    }

    /// <summary>What the admin API can be asked; one line a subject.</summary>
    private static IReadOnlyList<IAdminRoutes> AdminSubjects(
        NodeOptions options, PullPolicies policies, StopOrder stop, Successor successor, LocalImages local, LazyImages images, OrdinaryImages ordinary, Snapshotter snapshotter, ImageCache cache, NodeObserver observer, NodeMetrics metrics, ConfigurationWatch watch, Halts halts)
    {
        var explainer = new ImageExplainer(images, snapshotter);
        return
        [
            new StopRoutes(stop, successor),
            new StatusRoutes(observer),
            new ExplainRoutes(explainer),
            new TraceRoutes(explainer, images),
            new PolicyRoutes(new PolicyExplainer(options.Sources, policies, images.Starts.Traces, local)),
            new MetricsRoutes(metrics),
            new ConfigurationRoutes(watch),
            new ImageRoutes(new ImageRegistration(options, policies, local, images, ordinary, snapshotter), new ContainerCommit(options, snapshotter, images, halts, TimeProvider.System)),
            new CacheRoutes(cache),
        ];
    }

    /// <summary>In the background, as it takes the longer the more images there are. What is asked for meanwhile is mounted then.</summary>
    private async Task RestoreAsync(Snapshotter snapshotter, IReadOnlyList<LazyImage> known, ILogger logger)
    {
        await _images!.OpenAdoptedAsync(_stopping.Token);
        await _mounter!.PrepareAsync();
        foreach (LazyImage image in known.Where(_images.WasUsed))
        {
            try
            {
                await snapshotter.RemountAsync(image, _stopping.Token);
            }
            catch (Exception exception) when (exception is SluiceException or IOException or UnauthorizedAccessException)
            {
                Log.NotRestored(logger, image.Reference, exception.Message); // the others can still be used; containerd hears of it when it asks
            }
        }

        _images.RemoveUnusedBlobs();
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "{Message}")]
        public static partial void Message(ILogger logger, string message);

        [LoggerMessage(2, LogLevel.Information, "Ready on {Socket}: {Images} images known, EROFS mounts by {Mode}")]
        public static partial void Ready(ILogger logger, string socket, int images, string mode);

        [LoggerMessage(3, LogLevel.Warning, "Image {Image} is not mounted again: {Reason}")]
        public static partial void NotRestored(ILogger logger, string image, string reason);

        [LoggerMessage(4, LogLevel.Warning, "The credential provider {Provider} is left out: it needs a service account's token, which a node has none of")]
        public static partial void ProviderSkipped(ILogger logger, string provider);

        [LoggerMessage(5, LogLevel.Warning, "The configuration says keeper: {Former}, as earlier versions had it; it is taken as keeper: process")]
        public static partial void FormerKeeper(ILogger logger, string former);
    }
}
