using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Node.Configuration;
using Sluice.Storage.Disks.Uppers;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>Containers' own disks that are attached. Calls for one disk never overlap: the snapshotter sees to it.</summary>
internal sealed partial class ContainerDisks(NodeOptions options, ImageMounter mounter, ILogger logger) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<long, AttachedDisk> _attached = [];

    /// <inheritdoc cref="ILazyImages.AttachDiskAsync"/>
    /// <param name="open">The image below; not asked for a disk that is attached.</param>
    /// <param name="openStore">Where its blobs come from.</param>
    public async Task<SnapshotMount> AttachAsync(ContainerDisk disk, Func<Task<LocalImage>> open, Func<string, IImageStore> openStore, CancellationToken cancellation)
    {
        if (_attached.TryGetValue(disk.Id, out AttachedDisk? there))
        {
            if (there.IsAttached) return there.Mount;
            Log.Lost(logger, disk.Directory);
            await DetachAsync(disk.Id);
        }

        LocalImage image = await open();
        IImageStore store = openStore(image.Record.Reference);
        try
        {
            string key = $"snapshot-{disk.Id}";
            var layer = new WritableLayer(disk.Directory, UpperDirectory.Exists(disk.Directory) ? null : options.UpperKind);
            AttachedDisk attached = disk.Mode == WriteMode.Device
                ? new AttachedDisk(await mounter.AttachWritableAsync(key, image, store, layer, cancellation), store)
                : new AttachedDisk(await mounter.MountWritableAsync(key, image, store, Path.Combine(options.MountsDirectory, key), layer, cancellation), store);
            _attached[disk.Id] = attached;
            Log.Attached(logger, disk.Directory, disk.Image.Reference, attached.Mount.Source);
            return attached.Mount;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc cref="ILazyImages.DetachDiskAsync"/>
    public async Task DetachAsync(long id)
    {
        if (_attached.TryRemove(id, out AttachedDisk? attached)) await attached.DisposeAsync();
    }

    /// <exception cref="SluiceException">It is not attached.</exception>
    public AttachedDisk Get(long id) =>
        _attached.TryGetValue(id, out AttachedDisk? attached) ? attached : throw new SluiceException(SluiceError.Runtime, $"snapshot {id}", "its disk is not attached");

    /// <summary>Containers that still run lose their disks; what they had written is kept.</summary>
    public async ValueTask DisposeAsync() => await Task.WhenAll(_attached.Select(async attached =>
    {
        try
        {
            await attached.Value.PrepareStopAsync();
            await DetachAsync(attached.Key);
        }
        catch (SluiceException exception)
        {
            Log.NotDetached(logger, attached.Key, exception.Message); // the others are detached all the same
        }
    }));

    private static partial class Log
    {
        [LoggerMessage(110, LogLevel.Information, "Attached the disk in {Directory}, over {Image}, as {Source}")]
        public static partial void Attached(ILogger logger, string directory, string image, string source);

        [LoggerMessage(111, LogLevel.Warning, "The disk in {Directory} was taken away by someone else; attaching it again")]
        public static partial void Lost(ILogger logger, string directory);

        [LoggerMessage(112, LogLevel.Warning, "The disk of snapshot {Disk} can't be detached: {Reason}")]
        public static partial void NotDetached(ILogger logger, long disk, string reason);
    }
}
