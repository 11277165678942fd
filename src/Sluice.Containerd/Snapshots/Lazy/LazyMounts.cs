using Microsoft.Extensions.Logging;
using Sluice.Formats;

namespace Sluice.Containerd.Snapshots.Lazy;

/// <summary>Keeps the promises of <see cref="ILazyImages"/> about order: mounting and releasing one image never overlap.</summary>
internal sealed partial class LazyMounts(ILazyImages images, ILogger logger)
{
    private readonly KeyedLock<LazyImageKey> _locks = new();

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
    }
}
