using Microsoft.Extensions.Logging;
using Sluice.Formats;

namespace Sluice.Containerd.Snapshots.Lazy;

/// <summary>Keeps the promises of <see cref="ILazyImages"/> about order: mounting and releasing one image never overlap, nor do attaching and detaching one disk.</summary>
internal sealed partial class LazyMounts(ILazyImages images, ILogger logger)
{
    private readonly KeyedLock<LazyImageKey> _locks = new();
    private readonly KeyedLock<long> _disks = new();

    /// <returns>The directory of the mounted image.</returns>
    public async Task<string> MountAsync(LazyImage image, CancellationToken cancellation)
    {
        using IDisposable held = await _locks.EnterAsync(image.Key, cancellation);
        string directory = await images.MountAsync(image, cancellation);
        if (!Path.IsPathRooted(directory) || directory.AsSpan().ContainsAny(":,\\"))
        {
            throw new SluiceException(SluiceError.Configuration, directory, "an image can't be mounted there: overlayfs takes an absolute path without ':', ',' and '\\'");
        }

        return directory;
    }

    /// <summary>Mounts the image ahead of need, unless <paramref name="isUsed"/> says that nobody uses it any more.</summary>
    public async Task RemountAsync(LazyImage image, Func<bool> isUsed, CancellationToken cancellation)
    {
        using IDisposable held = await _locks.EnterAsync(image.Key, cancellation);
        if (isUsed()) await images.RemountAsync(image, cancellation);
    }

    /// <param name="exists">Says that the snapshot has not been removed meanwhile.</param>
    /// <returns>The mount of the container's own disk; null: the snapshot is gone.</returns>
    public async Task<SnapshotMount?> AttachAsync(ContainerDisk disk, Func<bool> exists, CancellationToken cancellation)
    {
        using IDisposable held = await _disks.EnterAsync(disk.Id, cancellation);
        return exists() ? await images.AttachDiskAsync(disk, cancellation) : null;
    }

    /// <summary>The snapshot has been removed.</summary>
    public async Task DetachAsync(long disk, string directory)
    {
        using IDisposable held = await _disks.EnterAsync(disk, CancellationToken.None);
        try
        {
            await images.DetachDiskAsync(disk, directory, CancellationToken.None);
        }
        catch (Exception exception)
        {
            Log.DetachFailed(logger, disk, exception);
        }
    }

    /// <summary>Releases the image unless <paramref name="isMountable"/> says that somebody uses it again.</summary>
    public async Task ReleaseAsync(LazyImageKey image, Func<bool> isMountable)
    {
        // Not cancellable: the snapshot is gone already, nobody would ask again.
        using IDisposable held = await _locks.EnterAsync(image, CancellationToken.None);
        if (isMountable()) return;
        try
        {
            await images.ReleaseAsync(image, CancellationToken.None);
        }
        catch (Exception exception)
        {
            Log.ReleaseFailed(logger, image.ToString(), exception);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(20, LogLevel.Warning, "Image {Image} could not be released")]
        public static partial void ReleaseFailed(ILogger logger, string image, Exception exception);

        [LoggerMessage(21, LogLevel.Warning, "The disk of snapshot {Disk} could not be detached")]
        public static partial void DetachFailed(ILogger logger, long disk, Exception exception);
    }
}
