using Sluice.Formats.Ext4;

namespace Sluice.Storage.Images;

/// <summary>The file system of a remote block image, for those who look for files on it: its metadata is fetched, and no content.</summary>
public static class BlockTree
{
    /// <summary>Metadata of a file system lies together.</summary>
    private const int Window = 64 << 10;

    /// <summary>Synchronous: the calling thread waits for the source.</summary>
    /// <exception cref="Formats.SluiceException">It can't be had, or is no ext4.</exception>
    public static Ext4Image Read(RemoteBlockImage image) => Ext4Reader.Read(new BlockContentReader(image) { Window = Window });

    /// <summary>Reads it on a thread of its own, and gives it away.</summary>
    /// <param name="image">Its store is closed.</param>
    /// <param name="use">On that thread; gets the image as well, which is closed afterwards.</param>
    /// <inheritdoc cref="Read"/>
    public static async Task<T> ReadAsync<T>(StoredImage image, Func<Ext4Image, RemoteBlockImage, T> use, CancellationToken cancellation)
    {
        await using (image.Store)
        {
            using RemoteBlockImage remote = await RemoteBlockImage.LoadAsync(image, cancellation);
            return await Task.Factory.StartNew(() => use(Read(remote), remote), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }
}
