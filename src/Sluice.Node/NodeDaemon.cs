using Microsoft.Extensions.Logging;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Node.Configuration;
using Sluice.Node.Images;

namespace Sluice.Node;

/// <summary>The node daemon: the snapshotter on its socket, and behind it the disks and mounts of all lazy images of the node.</summary>
public sealed partial class NodeDaemon : IAsyncDisposable
{
    private readonly ImageMounter _mounter;
    private readonly LazyImages _images;
    private readonly SnapshotterServer _server;

    private NodeDaemon(ImageMounter mounter, LazyImages images, SnapshotterServer server) => (_mounter, _images, _server) = (mounter, images, server);

    /// <summary>Starts everything and remounts what containers can still be made from, without network. Ready when it returns.</summary>
    /// <exception cref="SluiceException">A directory or socket is in use, or the kernel lacks something.</exception>
    public static async Task<NodeDaemon> StartAsync(NodeOptions options, ILoggerFactory loggers, CancellationToken cancellation)
    {
        ILogger logger = loggers.CreateLogger("sluice");
        ImageMounter mounter = await ImageMounter.StartAsync(options, message => Log.Message(logger, message), cancellation);
        LazyImages? images = null;
        Snapshotter? snapshotter = null;
        try
        {
            images = new LazyImages(options, mounter, new LocalImages(options.ImagesDirectory), logger);
            snapshotter = Snapshotter.Open(new SnapshotterOptions { Root = options.Root }, images, logger);
            IReadOnlyList<LazyImage> known = snapshotter.LazyImages();
            images.RemoveUnused(known);
            foreach (LazyImage image in known) await RestoreAsync(images, image, logger, cancellation);
            images.RemoveUnusedBlobs();
            SnapshotterServer server = await SnapshotterServer.StartAsync(snapshotter, new GrpcServerOptions { SocketPath = options.SocketPath }, loggers, cancellation);
            Log.Ready(logger, options.SocketPath, known.Count, mounter.OnLoop ? "loop" : "file");
            return new NodeDaemon(mounter, images, server);
        }
        catch
        {
            snapshotter?.Dispose();
            if (images is not null) await images.DisposeAsync();
            await mounter.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _images.DisposeAsync();
        await _mounter.DisposeAsync();
    }

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
