using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Configuration;
using Sluice.Storage.Disks;
using Sluice.Storage.Disks.Uppers;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>
/// Containers' own disks that are attached or about to be. Calls for one disk never overlap: the snapshotter sees to it. An attachment is no part of the
/// request that began it: it may take long (a check of the file system), and whoever asks again after a deadline waits for the same one.
/// </summary>
internal sealed partial class ContainerDisks(NodeOptions options, ImageMounter mounter, ILogger logger) : IAsyncDisposable
{
    private const string KeyPrefix = "snapshot-";

    private readonly ConcurrentDictionary<long, Attachment> _attachments = [];

    public bool IsEmpty => _attachments.IsEmpty;

    /// <summary>Disks of a predecessor that are attached.</summary>
    public IReadOnlyList<(long Id, string Directory)> Adopted { get; private set; } = [];

    /// <summary>Disks of a predecessor that are served again count as attached.</summary>
    public void Adopt(IReadOnlyList<AdoptedWritable> disks)
    {
        Adopted = [.. disks.Select(disk => (IdOf(disk.Record.Key), disk.Record.Layer!))];
        foreach (AdoptedWritable disk in disks)
        {
            AttachedDisk attached = disk.Record.Device is null ? new AttachedDisk(mounter.MountOf(disk), disk.Store) : new AttachedDisk(mounter.DeviceOf(disk), disk.Store);
            _attachments[IdOf(disk.Record.Key)] = new Attachment(Digest.Parse(disk.Record.Manifest), attached);
            Log.Adopted(logger, disk.Record.Layer!, attached.Mount.Source);
        }
    }

    /// <summary>Gives up attachments that are under way; those that stand stay.</summary>
    public Task GiveUpAsync() => Task.WhenAll(_attachments.Where(attachment => attachment.Value.Disk is null).Select(attachment => DetachAsync(attachment.Key)));

    /// <summary>Makes durable what was written so far, so that closing the disks takes less time. An error comes again when they are closed, or asked to flush.</summary>
    public void Flush()
    {
        foreach (Attachment attachment in _attachments.Values) _ = (attachment.Disk?.Disk as IWritableDisk)?.Flush();
    }

    /// <summary>Closes the disks and leaves what the kernel has of them to a successor.</summary>
    public async Task LeaveAsync()
    {
        await Task.WhenAll(_attachments.Values.Select(attachment => attachment.Disk is { } disk ? disk.LeaveAsync().AsTask() : Task.CompletedTask));
        _attachments.Clear();
    }

    /// <inheritdoc cref="ILazyImages.AttachDiskAsync"/>
    /// <param name="open">The image below; not asked for a disk that is attached.</param>
    /// <param name="openStore">Where its blobs come from.</param>
    public async Task<SnapshotMount> AttachAsync(
        ContainerDisk disk, Func<CancellationToken, Task<LocalImage>> open, Func<string, IImageStore> openStore, CancellationToken cancellation)
    {
        if (_attachments.TryGetValue(disk.Id, out Attachment? there) && there.Disk is { IsAttached: false })
        {
            Log.Lost(logger, disk.Directory);
            await DetachAsync(disk.Id);
        }

        Attachment attachment = _attachments.GetOrAdd(disk.Id, _ => new Attachment(disk.Image.Key.Manifest, stop => AttachNowAsync(disk, open, openStore, stop)));
        try
        {
            return (await attachment.Outcome.WaitAsync(cancellation)).Mount;
        }
        catch when (attachment.Outcome is { IsCompleted: true, IsCompletedSuccessfully: false })
        {
            _attachments.TryRemove(disk.Id, out _); // somebody has heard of the failure: the next request tries again
            throw;
        }
    }

    /// <inheritdoc cref="ILazyImages.DetachDiskAsync"/>
    public async Task DetachAsync(long id)
    {
        if (_attachments.TryRemove(id, out Attachment? attachment)) await attachment.DisposeAsync();
    }

    /// <summary>What is attached now, by the manifest of the image below.</summary>
    public ILookup<Digest, IDisk> All => _attachments.Values.Where(attachment => attachment.Disk is not null).ToLookup(attachment => attachment.Image, attachment => attachment.Disk!.Disk);

    /// <exception cref="SluiceException">It is not attached.</exception>
    public AttachedDisk Get(long id) =>
        _attachments.TryGetValue(id, out Attachment? attachment) && attachment.Disk is { } disk ? disk : throw new SluiceException(SluiceError.Runtime, $"snapshot {id}", "its disk is not attached");

    /// <summary>Containers that still run lose their disks; what they had written is kept.</summary>
    public async ValueTask DisposeAsync() => await Task.WhenAll(_attachments.Select(async attachment =>
    {
        try
        {
            if (attachment.Value.Disk is { } disk) await disk.PrepareStopAsync();
            await DetachAsync(attachment.Key);
        }
        catch (SluiceException exception)
        {
            Log.NotDetached(logger, attachment.Key, exception.Message); // the others are detached all the same
        }
    }));

    private static long IdOf(string key) => long.Parse(key[KeyPrefix.Length..], CultureInfo.InvariantCulture);

    private async Task<AttachedDisk> AttachNowAsync(
        ContainerDisk disk, Func<CancellationToken, Task<LocalImage>> open, Func<string, IImageStore> openStore, CancellationToken stop)
    {
        LocalImage image = await open(stop);
        IImageStore store = openStore(image.Record.Reference);
        try
        {
            string key = $"{KeyPrefix}{disk.Id}";
            var layer = new WritableLayer(disk.Directory, UpperDirectory.Exists(disk.Directory) ? null : options.UpperKind);
            AttachedDisk attached = disk.Mode == WriteMode.Device
                ? new AttachedDisk(await mounter.AttachWritableAsync(key, image, store, layer, stop), store)
                : new AttachedDisk(await mounter.MountWritableAsync(key, image, store, Path.Combine(options.MountsDirectory, key), layer, stop), store);
            Log.Attached(logger, disk.Directory, disk.Image.Reference, attached.Mount.Source);
            return attached;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>A disk that is attached or about to be. Disposing detaches it, or gives up what is under way.</summary>
    private sealed class Attachment : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();

        public Attachment(Digest image, Func<CancellationToken, Task<AttachedDisk>> attach) => (Image, Outcome) = (image, Task.Run(() => attach(_stop.Token)));

        /// <summary>One that stands: from the first moment, as what does not is given up when the node leaves.</summary>
        public Attachment(Digest image, AttachedDisk attached) => (Image, Outcome) = (image, Task.FromResult(attached));

        /// <summary>Manifest of the image below.</summary>
        public Digest Image { get; }

        public Task<AttachedDisk> Outcome { get; }

        /// <summary>Null while it is not attached.</summary>
        public AttachedDisk? Disk => Outcome.IsCompletedSuccessfully ? Outcome.Result : null;

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await Outcome.ContinueWith(static ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            _stop.Dispose();
            if (Disk is { } disk) await disk.DisposeAsync();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(110, LogLevel.Information, "Attached the disk in {Directory}, over {Image}, as {Source}")]
        public static partial void Attached(ILogger logger, string directory, string image, string source);

        [LoggerMessage(113, LogLevel.Information, "Took over the disk in {Directory}, as {Source}")]
        public static partial void Adopted(ILogger logger, string directory, string source);

        [LoggerMessage(111, LogLevel.Warning, "The disk in {Directory} was taken away by someone else; attaching it again")]
        public static partial void Lost(ILogger logger, string directory);

        [LoggerMessage(112, LogLevel.Warning, "The disk of snapshot {Disk} can't be detached: {Reason}")]
        public static partial void NotDetached(ILogger logger, long disk, string reason);
    }
}
