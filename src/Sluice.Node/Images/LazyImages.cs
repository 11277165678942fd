using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Configuration;
using Sluice.Node.Starts;
using Sluice.Storage.Activity;
using Sluice.Storage.Disks;
using Sluice.Storage.Disks.Uppers;
using Sluice.Storage.Fetching;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Storage.Traces;

namespace Sluice.Node.Images;

/// <summary>
/// The node's side of the snapshotter: RAFS and block images are lazy. The first layer that containerd asks for starts the download of the
/// metadata; the layer that completes the image waits for it, so that whatever is wrong is said at the pull and not at the first read.
/// </summary>
internal sealed partial class LazyImages(NodeOptions options, ImageMounter mounter, LocalImages local, ImageStarts starts, ILogger logger) : ILazyImages, IAsyncDisposable
{
    private readonly ImageSources _sources = new(options.Sources);
    private readonly ContainerDisks _disks = new(options, mounter, logger);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<Digest, Lazy<Task<DownloadedImage>>> _arriving = [];
    private readonly ConcurrentDictionary<Digest, Lazy<Task<LocalImage>>> _opening = [];
    private readonly ConcurrentDictionary<Digest, bool> _fetched = []; // by this process: their sources have answered
    private readonly ConcurrentDictionary<Digest, SharedMount> _mounted = [];

    /// <summary>How long a source may take for the manifest and the metadata of an image, all attempts together.</summary>
    public TimeSpan Deadline => mounter.Fetcher.Options.RequestDeadline;

    /// <summary>How long it may take where there is something to fall back on.</summary>
    public TimeSpan Patience => mounter.Fetcher.Options.AttemptTimeout;

    public async Task<LazyLayer?> FindLayerAsync(string below, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        if (LayerRoles.Of(labels) is not { } role) return null;
        if (!labels.TryGetValue(SnapshotLabels.ImageReference, out string? reference) || !labels.TryGetValue(SnapshotLabels.ManifestDigest, out string? manifest))
        {
            throw new SluiceException(
                SluiceError.Configuration, "containerd", "asked for a layer of a lazy image without saying which image it belongs to",
                "pull with `sluice pull`, or set disable_snapshot_annotations = false in containerd's CRI configuration");
        }

        LayerNames.Check(below, labels);
        var image = new LazyImage(new LazyImageKey(Digest.Parse(manifest)), reference);
        if (role == LayerRole.Data)
        {
            Expect(image);
            return new LazyLayer(image, Completes: false);
        }

        LocalImage opened = await OpenAsync(image).WaitAsync(cancellation);
        if (labels.TryGetValue(SnapshotLabels.LayerDigest, out string? layer) && !opened.Record.Blobs.ContainsKey(layer))
        {
            throw new SluiceException(SluiceError.Image, reference, $"layer {layer} is not in the manifest {manifest}", "pull the image again");
        }

        if (opened.Content is BlockContent) LayerNames.CheckRegistry(opened.Record.Reference, reference);
        else LayerNames.Check(below, labels, opened.Record.DiffId ?? (await DownloadAsync(image).WaitAsync(cancellation)).DiffId);
        BeginPlan(image, opened);
        starts.BeginDownload(image, opened);
        return new LazyLayer(image, opened.Content is not BlockContent blocks || BlockLayers.Completes(blocks.Stack.Layers.Select(part => part.Blob), labels));
    }

    public void CheckShared(LazyImage known, IReadOnlyDictionary<string, string> knownLabels, IReadOnlyDictionary<string, string> labels) => LayerNames.CheckShared(known, knownLabels, labels);

    public LazyImage? FindPrefix(string reference, IReadOnlyList<IReadOnlyDictionary<string, string>> layers) => BlockLayers.FindPrefix(reference, layers);

    /// <summary>Begins the download of an image's metadata, which stays in memory until the image is recorded; what goes wrong is said to the one who waits for it.</summary>
    public void Expect(LazyImage image)
    {
        if (IsHere(image)) return;
        _ = DownloadAsync(image).ContinueWith(static t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
    }

    /// <summary>The image is pulled: brings its metadata to the local disk and begins with what its start will read, while containerd is busy with the layers.</summary>
    /// <param name="cancellation">Where it has come to nothing, nothing is recorded afterwards.</param>
    public async Task BeginPullAsync(LazyImage image, StoredManifest stored, CancellationToken cancellation)
    {
        if (IsHere(image)) return;
        await DownloadAsync(image, stored).WaitAsync(cancellation);
        cancellation.ThrowIfCancellationRequested();
        await OpenAsync(image);
    }

    private void BeginPlan(LazyImage image, LocalImage opened)
    {
        if (!_mounted.ContainsKey(image.Key.Manifest)) starts.BeginPlan(image, opened);
    }

    /// <summary>Makes sure that the metadata of an image is on the local disk.</summary>
    /// <exception cref="SluiceException">The image is corrupt or can't be had.</exception>
    public async Task KeepAsync(LazyImage image, CancellationToken cancellation)
    {
        if (!IsHere(image)) await OpenAsync(image).WaitAsync(cancellation);
    }

    /// <summary>True if the image was mounted before, by this process or an earlier one.</summary>
    public bool WasUsed(LazyImage image) => local.WasUsed(image.Key.Manifest);

    /// <summary>True if the image is mounted or on the local disk, though perhaps damaged.</summary>
    public bool IsHere(LazyImage image) => _mounted.ContainsKey(image.Key.Manifest) || local.Contains(image.Key.Manifest);

    public Task<string> MountAsync(LazyImage image, CancellationToken cancellation) => MountAsync(image, isStart: options.Prefetch.IsOn, cancellation);

    public Task<string> RemountAsync(LazyImage image, CancellationToken cancellation) => MountAsync(image, isStart: false, cancellation);

    private async Task<string> MountAsync(LazyImage image, bool isStart, CancellationToken cancellation)
    {
        Digest manifest = image.Key.Manifest;
        string target = Path.Combine(options.MountsDirectory, manifest.Hex);
        if (await FindMountedAsync(image) is { } existing)
        {
            if (mounter.CouldBeLocal(existing.Mounted)) return await MountBesideAsync(image, existing, target + LocalSuffix, cancellation);
            if (isStart) existing.Mounted.Starts?.Begin();
            return existing.Mounted.Target;
        }

        if (isStart) RuntimeFiles.BeginReadAhead();
        LocalImage opened = await OpenAsync(image).WaitAsync(cancellation);
        IImageStore store = _sources.Open(opened.Record.Reference);
        try
        {
            if (!_fetched.ContainsKey(manifest) && !local.WasUsed(manifest) && !local.IsImported(manifest)) await ImageSources.CheckAsync(image, store, cancellation);
            MountedImage mounted = await mounter.MountAsync(manifest.Hex[..16], opened, store, target, cancellation, follow: options.Prefetch.IsOn ? Follow : null);
            _mounted[manifest] = new SharedMount(mounted, store);
            starts.BeginDownload(image, opened); // also with a policy that is younger than the pull, or after a restart
            local.RememberUse(manifest);
            local.SetImported(manifest, imported: false);
            _opening.TryRemove(manifest, out _); // the disks hold what they need; the tree is for the garbage collector
            SayMounted(image, mounted);
            return target;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }

        MountStarts Follow(ImageActivity activity, IReadOnlyDictionary<Digest, BlobReader> readers)
        {
            MountStarts all = starts.Follow(image, LoaderOf(new(opened), local, manifest), activity, readers);
            if (isStart) all.Begin();
            return all;
        }
    }

    /// <summary>What it returns lives as long as the mount, and must not keep the image's tree so long.</summary>
    private static Func<LocalImage?> LoaderOf(WeakReference<LocalImage> loaded, LocalImages local, Digest manifest) => () => loaded.TryGetTarget(out LocalImage? here) ? here : local.Load(manifest);

    public async Task<WriteMode> ChooseModeAsync(LazyImage image, WriteMode? wanted, CancellationToken cancellation)
    {
        WriteMode mode = wanted ?? options.WriteMode;
        if (mode == WriteMode.Overlay || (await OpenAsync(image).WaitAsync(cancellation)).Content is BlockContent) return mode;
        return wanted is null
            ? WriteMode.Overlay
            : throw new SluiceException(
                SluiceError.Image, image.Reference, $"is not a block image: a container on it can't have a disk of its own, as the label {SnapshotLabels.Writable} asks",
                "convert it with: sluice convert --format overlaybd");
    }

    public async Task<SnapshotMount> AttachDiskAsync(ContainerDisk disk, CancellationToken cancellation)
    {
        SnapshotMount mount = await _disks.AttachAsync(disk, stop => OpenAsync(disk.Image).WaitAsync(stop), _sources.Open, cancellation);
        _opening.TryRemove(disk.Image.Key.Manifest, out _);
        local.SetImported(disk.Image.Key.Manifest, imported: false);
        return mount;
    }

    public async Task DetachDiskAsync(long id, string directory, CancellationToken cancellation)
    {
        await _disks.DetachAsync(id);
        UpperDirectory.Forget(directory, options.PendingDirectory);
    }

    /// <summary>The attached disk of a snapshot.</summary>
    /// <exception cref="SluiceException">It is not attached.</exception>
    public AttachedDisk Disk(long id) => _disks.Get(id);

    /// <summary>What is done for each image.</summary>
    public ImageActivities Activities => mounter.Activities;

    /// <summary>What is done for starts of images before anything is read, and known of them.</summary>
    public ImageStarts Starts => starts;

    /// <summary>The start of an image that goes on, or was the last of this mount; null: the image is not mounted, or nobody followed its start.</summary>
    public ImageStart? StartOf(Digest manifest) => _mounted.TryGetValue(manifest, out SharedMount? mount) ? mount.All.Select(one => one.Mounted.Starts?.Latest).OfType<ImageStart>().FirstOrDefault() : null;

    /// <summary>An image as it is on the local disk; null if it is not, or damaged.</summary>
    public LocalImage? LoadLocal(Digest manifest) => local.Load(manifest);

    /// <summary>Attached disks of containers, by the manifest of the image below.</summary>
    public ILookup<Digest, IDisk> ContainerDisks => _disks.All;

    /// <summary>The disks of images that are mounted for containers to share, by manifest.</summary>
    public IReadOnlyDictionary<Digest, IReadOnlyList<IDisk>> MountedDisks() => _mounted.ToDictionary(image => image.Key, image => image.Value.Mounted.Disks);

    /// <summary>Where an image that is known here came from: its manifest (of a prefix the one that was made), and the store, which is the caller's.</summary>
    public async Task<StoredImage> FindAsync(LazyImage image, CancellationToken cancellation)
    {
        LocalImage opened = await OpenAsync(image).WaitAsync(cancellation);
        return await _sources.FindAsync(image, opened.Record.Reference, cancellation);
    }

    /// <summary>Told when the last image of a repository has gone.</summary>
    public Action<ImageReference>? RepositoryGone { get; set; }

    public async Task ReleaseAsync(LazyImageKey image, CancellationToken cancellation)
    {
        await starts.EndPlanAsync(image.Manifest);
        if (local.IsImported(image.Manifest)) return; // a pull of it has failed, or was taken back: it waits for the next one
        bool known = local.Contains(image.Manifest);
        string? reference = local.ReferenceOf(image.Manifest);
        await starts.EndDownloadAsync(image.Manifest);
        if (_mounted.TryRemove(image.Manifest, out SharedMount? mounted)) await mounted.CloseAllAsync();
        local.Remove(image.Manifest);
        _fetched.TryRemove(image.Manifest, out _);
        starts.Traces.Forget(image.Manifest);
        mounter.Activities.Forget(image.Manifest);
        _arriving.TryRemove(image.Manifest, out _);
        _opening.TryRemove(image.Manifest, out _); // a pull that begins meanwhile must not keep what has just been removed
        await starts.EndPlanAsync(image.Manifest); // nor follow it
        if (!known) return;
        if (reference is not null) TellIfGone(ImageReference.Parse(reference));
        RemoveUnusedBlobs();
        Log.Released(logger, image.ToString());
    }

    private void TellIfGone(ImageReference image)
    {
        bool IsOfRepository(string reference) => ImageReference.Parse(reference) is var other && (other.Host, other.Repository) == (image.Host, image.Repository);
        if (!local.List().Select(local.ReferenceOf).OfType<string>().Any(IsOfRepository)) RepositoryGone?.Invoke(image);
    }

    /// <summary>Forgets metadata of images that no snapshot refers to: what a crash between the two has left.</summary>
    public void RemoveUnused(IReadOnlyList<LazyImage> used) =>
        local.RemoveUnused(used.Select(image => image.Key.Manifest).ToHashSet(), mounter.Cache.List().Select(blob => blob.Blob.ToString()).ToHashSet(StringComparer.Ordinal));

    /// <summary>Deletes cached data that belongs to no image. After the mounting of those that are known.</summary>
    public void RemoveUnusedBlobs() => mounter.RemoveUnusedBlobs(local.ListBlobs());

    /// <summary>True if nothing is mounted, or about to be.</summary>
    public bool IsEmpty => _mounted.IsEmpty && _disks.IsEmpty;

    /// <summary>Mounts of a predecessor that are served again count as this one's. Once, before anything is asked for.</summary>
    public void Adopt()
    {
        foreach (AdoptedImage adopted in mounter.Adopted)
        {
            Digest manifest = Digest.Parse(adopted.Record.Manifest);
            _mounted[manifest] = new SharedMount(adopted.Mounted, adopted.Store, _mounted.GetValueOrDefault(manifest));
            Log.Adopted(logger, adopted.Record.Reference, adopted.Record.Target);
        }

        _disks.Adopt(mounter.AdoptedWritable);
    }

    /// <summary>Takes away what was adopted and nobody refers to any more: the predecessor was killed while it did.</summary>
    /// <param name="used">Images that snapshots refer to.</param>
    /// <param name="exists">Whether there is such a snapshot.</param>
    public async Task RemoveUnusedMountsAsync(IReadOnlyList<LazyImage> used, Func<long, bool> exists, CancellationToken cancellation)
    {
        foreach (Digest manifest in _mounted.Keys.Except(used.Select(image => image.Key.Manifest)).ToArray()) await ReleaseAsync(new LazyImageKey(manifest), cancellation);
        foreach ((long id, string directory) in _disks.Adopted.Where(disk => !exists(disk.Id))) await DetachDiskAsync(id, directory, cancellation);
    }

    /// <summary>Opens what was adopted ahead of need.</summary>
    public async Task OpenAdoptedAsync(CancellationToken cancellation)
    {
        foreach (AdoptedImage adopted in mounter.Adopted)
        {
            cancellation.ThrowIfCancellationRequested();
            await adopted.Late.TryOpenAsync();
        }
    }

    /// <summary>Leaves everything that is mounted to a successor; nothing may be asked for any more. <see cref="DisposeAsync"/> unmounts nothing then.</summary>
    public async Task LeaveAsync()
    {
        await _stopping.CancelAsync();
        await starts.DisposeAsync();
        await _disks.GiveUpAsync();
        await Task.Run(_disks.Flush); // the long part of it while nobody waits
        await mounter.LeaveAsync();
        await _disks.LeaveAsync();
        foreach (SharedMount mount in _mounted.Values.SelectMany(mount => mount.All))
        {
            if (mount.Mounted.Starts is { } followed) await followed.DisposeAsync();
            mount.Mounted.Leave();
            await mount.Store.DisposeAsync();
        }

        _mounted.Clear();
    }

    /// <summary>Before <see cref="StopFetching"/>: containers that still run lose their disks; what they had written is kept.</summary>
    public ValueTask DetachDisksAsync() => _disks.DisposeAsync();

    /// <summary>Ends downloads and reads that wait for a source, so that nobody waits for them any more. Final.</summary>
    public void StopFetching()
    {
        _stopping.Cancel();
        mounter.StopFetching();
    }

    public async ValueTask DisposeAsync()
    {
        await DetachDisksAsync(); // first: what they still write may need blocks of the images
        StopFetching();
        await starts.DisposeAsync();
        foreach (Digest manifest in _mounted.Keys.ToArray())
        {
            if (!_mounted.TryRemove(manifest, out SharedMount? mounted)) continue;
            try
            {
                await mounted.CloseAllAsync();
            }
            catch (SluiceException exception)
            {
                Log.NotUnmounted(logger, mounted.Mounted.Target, exception.Message); // the others are unmounted all the same
            }
        }
    }

    /// <summary>One look per image however many ask, and one download; a failed one is forgotten, so that the next asks anew.</summary>
    private Task<LocalImage> OpenAsync(LazyImage image) => OnceAsync(_opening, image.Key.Manifest, () => LoadAsync(image));

    /// <param name="stored">The manifest, where that was read already.</param>
    private Task<DownloadedImage> DownloadAsync(LazyImage image, StoredManifest? stored = null) => OnceAsync(_arriving, image.Key.Manifest, () => FetchAsync(image, stored));

    private static async Task<T> OnceAsync<T>(ConcurrentDictionary<Digest, Lazy<Task<T>>> tasks, Digest manifest, Func<Task<T>> begin)
    {
        Lazy<Task<T>> task = tasks.GetOrAdd(manifest, _ => new Lazy<Task<T>>(() => Task.Run(begin)));
        try
        {
            return await task.Value;
        }
        catch
        {
            tasks.TryRemove(KeyValuePair.Create(manifest, task));
            throw;
        }
    }

    private async Task<LocalImage> LoadAsync(LazyImage image)
    {
        if (local.Load(image.Key.Manifest) is { } known) return known;
        DownloadedImage downloaded = await DownloadAsync(image);
        LocalImage saved;
        try
        {
            saved = local.Save("docker://" + image.Reference, downloaded, begun: fresh => BeginPlan(image, fresh)); // what a start reads needs not wait for the disk
        }
        catch
        {
            await starts.EndPlanAsync(image.Key.Manifest);
            throw;
        }

        mounter.Activities.Of(image.Key.Manifest, image.Reference).Mark(ImageStep.MetadataHere);
        _arriving.TryRemove(image.Key.Manifest, out _);
        _fetched[image.Key.Manifest] = true;
        return saved;
    }

    private async Task<DownloadedImage> FetchAsync(LazyImage image, StoredManifest? stored)
    {
        ImageActivity activity = mounter.Activities.Of(image.Key.Manifest, image.Reference);
        activity.Mark(ImageStep.Asked);
        if (options.Prefetch.IsOn)
        {
            activity.Origins ??= new ChunkOrigins();
            RuntimeFiles.BeginReadAhead();
        }

        if (options.Prefetch.IsOn && image.Made is null) starts.Traces.Expect(image.Key.Manifest, () => _sources.Open("docker://" + image.Reference), _stopping.Token);
        await using IImageStore store = _sources.Open("docker://" + image.Reference);
        return await SourceDeadline.AskAsync(Deadline, store, $"the metadata of {image.Reference}", FromAsync, _stopping.Token);

        async Task<DownloadedImage> FromAsync(CancellationToken cancellation)
        {
            return await mounter.FetchMetadataAsync(stored is null ? await ImageSources.ManifestAsync(image, store, cancellation) : StoredImage.Of(store, stored), cancellation);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(100, LogLevel.Information, "Mounted {Image} on {Target}")]
        public static partial void Mounted(ILogger logger, string image, string target);

        [LoggerMessage(102, LogLevel.Warning, "{Image} was unmounted from {Target} by someone else; mounting it again")]
        public static partial void Lost(ILogger logger, string image, string target);

        [LoggerMessage(103, LogLevel.Warning, "{Target} can't be unmounted: {Reason}")]
        public static partial void NotUnmounted(ILogger logger, string target, string reason);

        [LoggerMessage(104, LogLevel.Information, "Took over {Image} on {Target}")]
        public static partial void Adopted(ILogger logger, string image, string target);

        [LoggerMessage(107, LogLevel.Information, "Mounted {Image} on {Target}, from local files: reading it needs no daemon")]
        public static partial void MountedLocally(ILogger logger, string image, string target);

        [LoggerMessage(106, LogLevel.Warning, "{Image} is all here, and containers on it are served all the same: {Reason}")]
        public static partial void NotLocal(ILogger logger, string image, string reason);

        [LoggerMessage(101, LogLevel.Information, "Released {Image}")]
        public static partial void Released(ILogger logger, string image);
    }
}
