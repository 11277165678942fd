using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;
using Sluice.Storage.Activity;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Disks.Uppers;
using Sluice.Storage.Fetching;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>
/// Mounts images: opens their disks over the shared cache, gives these to the disk server, and has the kernel's file systems mounted on
/// them by the mount process. Owns cache, fetcher, disk server and mount process. All members may be called concurrently.
/// </summary>
internal sealed class ImageMounter : IAsyncDisposable
{
    /// <summary>
    /// A parsed bootstrap is many times what the mounted image needs of it, and a daemon that only serves hits allocates nothing, so
    /// that no collection would come by itself. This long after the last mount, when containers have begun, the memory goes back to the system.
    /// </summary>
    private static readonly TimeSpan TrimAfter = TimeSpan.FromSeconds(3);

    private readonly NodeOptions _options;
    private readonly DirectoryLock _stateLock;
    private readonly CacheDirectory _cache;
    private readonly Fetcher _fetcher;
    private readonly DiskServer _server;
    private readonly MountProcess _mounts;
    private readonly WritableDisks _writable;
    private long _writableOpened;
    private readonly Timer _trim = new(static _ => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true));

    private ImageMounter(NodeOptions options, DirectoryLock stateLock, CacheDirectory cache, Fetcher fetcher, DiskServer server, MountProcess mounts, bool onLoop, Action<string> log)
    {
        (_options, _stateLock, _cache, _fetcher, _server, _mounts) = (options, stateLock, cache, fetcher, server, mounts);
        OnLoop = onLoop;
        _writable = new WritableDisks(options, mounts, log);
    }

    /// <summary>True if EROFS is mounted over loop devices.</summary>
    public bool OnLoop { get; }

    public Fetcher Fetcher => _fetcher;

    public CacheDirectory Cache => _cache;

    /// <summary>What is done for each image that was mounted.</summary>
    public ImageActivities Activities { get; } = new();

    /// <summary>What the disk server has answered so far, over all images.</summary>
    public DiskServerCounters Counters => _server.Counters;

    /// <param name="events">Told what happens on the read path; null: <paramref name="log"/> is.</param>
    /// <exception cref="SluiceException">The kernel lacks something, or a directory is in use or can't be written.</exception>
    public static async Task<ImageMounter> StartAsync(NodeOptions options, Action<string> log, CancellationToken cancellation, Action<FetchEvent>? events = null)
    {
        CreatePrivate(options.Root);
        CreatePrivate(options.State);
        CreatePrivate(options.ImagesDirectory);
        CreatePrivate(options.MountsDirectory);
        DirectoryLock stateLock = DirectoryLock.Take(options.State, "unmount what is mounted with it or stop the daemon, or give this one another --state");
        CacheDirectory? cache = null;
        Fetcher? fetcher = null;
        MountProcess? mounts = null;
        try
        {
            cache = new CacheDirectory(options.CacheDirectory, options.Cache with { Log = log });
            StaleMounts.Detach(options, log);
            UpperDirectory.ForgetDeleted(options.PendingDirectory, options.Root);
            bool onLoop = ChooseMode(options);
            fetcher = new Fetcher(options.Fetch with { Log = log, Events = events });
            mounts = MountProcess.Start(new MountProcessOptions(), log);
            DiskServer server = await DiskServer.StartAsync(new DiskServerOptions { MountPoint = options.DisksDirectory }, log, cancellation);
            return new ImageMounter(options, stateLock, cache, fetcher, server, mounts, onLoop, log);
        }
        catch
        {
            if (mounts is not null) await mounts.DisposeAsync();
            fetcher?.Dispose();
            cache?.Dispose();
            stateLock.Dispose();
            throw;
        }
    }

    /// <summary>Brings the metadata of an image here.</summary>
    public Task<DownloadedImage> FetchMetadataAsync(StoredImage image, CancellationToken cancellation) => DownloadedImage.FetchAsync(image, _cache, cancellation);

    /// <summary>Mounts an image on <paramref name="target"/>, which is made if it does not exist.</summary>
    /// <param name="key">Names the image's disks; unique among the mounted ones.</param>
    /// <param name="store">Where its blobs come from; open as long as the image is mounted.</param>
    public async Task<MountedImage> MountAsync(string key, LocalImage image, IImageStore store, string target, CancellationToken cancellation)
    {
        ImageActivity activity = ActivityOf(image);
        activity.Mark(ImageStep.MountBegan);
        OpenedImage opened = await image.Content.OpenAsync(new ImageDisks(_cache, _fetcher, activity), store, key, image, OnLoop, cancellation);
        var mounted = new MountedImage(target, !Directory.Exists(target), opened.Disks, _server, _mounts);
        int readAhead = opened.Disks.All(disk => disk.IsLocal) ? _options.ReadAheadKilobytes : _options.LazyReadAheadKilobytes;
        try
        {
            string[] files = [.. opened.Disks.Select(_server.Add)];
            Directory.CreateDirectory(target);
            await opened.Mount(_mounts, files, target, readAhead, cancellation);
            mounted.Found();
            activity.Mark(ImageStep.Mounted);
            _trim.Change(TrimAfter, Timeout.InfiniteTimeSpan);
            return mounted;
        }
        catch
        {
            await mounted.DisposeAsync();
            throw;
        }
    }

    /// <summary>Mounts a block image for writing on <paramref name="target"/>, which is made if it does not exist.</summary>
    /// <param name="key">Names the disk; unique among the writable ones.</param>
    /// <param name="layer">Made if it is missing. Its directory must not be in use.</param>
    /// <exception cref="SluiceException">Not a block image, the layer is of another image or damaged, or the kernel refused.</exception>
    public async Task<MountedImage> MountWritableAsync(
        string key, LocalImage image, IImageStore store, string target, WritableLayer layer, CancellationToken cancellation)
    {
        ActivityOf(image).Mark(ImageStep.MountBegan);
        WritableDisk disk = OpenWritable(key, image, store, layer);
        MountedImage mounted = await _writable.MountAsync(disk, image.Record.Reference, target, _options.LazyReadAheadKilobytes, cancellation);
        ActivityOf(image).Mark(ImageStep.Mounted);
        return mounted;
    }

    /// <summary>Makes a writable block device of a block image.</summary>
    /// <inheritdoc cref="MountWritableAsync"/>
    public async Task<AttachedDevice> AttachWritableAsync(string key, LocalImage image, IImageStore store, WritableLayer layer, CancellationToken cancellation)
    {
        ActivityOf(image).Mark(ImageStep.MountBegan);
        AttachedDevice device = await _writable.AttachAsync(OpenWritable(key, image, store, layer), image.Record.Reference, _options.LazyReadAheadKilobytes, cancellation);
        ActivityOf(image).Mark(ImageStep.Mounted);
        return device;
    }

    /// <summary>Deletes cached data of blobs that no mounted image uses and that are not in <paramref name="keep"/>.</summary>
    public void RemoveUnusedBlobs(IReadOnlySet<Digest> keep) => _cache.RemoveUnused(keep);

    /// <summary>Ends reads that wait for a source in an error, so that whatever is unmounted next does not wait for them. Final.</summary>
    public void StopFetching() => _fetcher.Dispose();

    public async ValueTask DisposeAsync()
    {
        await _trim.DisposeAsync();
        await _writable.DisposeAsync();
        await _server.DisposeAsync();
        await _mounts.DisposeAsync();
        _fetcher.Dispose();
        _cache.Dispose();
        _stateLock.Dispose();
    }

    private WritableDisk OpenWritable(string key, LocalImage image, IImageStore store, WritableLayer layer)
    {
        if (image.Content is not BlockContent blocks)
            throw new SluiceException(SluiceError.Usage, image.Record.Reference, "only block images can have a writable layer", "convert it with --format overlaybd");

        // A name of its own each time: somebody may still have an earlier disk open.
        return blocks.OpenWritable(new ImageDisks(_cache, _fetcher, ActivityOf(image)), store, $"{key}-{Interlocked.Increment(ref _writableOpened)}", layer, _options.PendingDirectory);
    }

    private ImageActivity ActivityOf(LocalImage image) => Activities.Of(image.Record.Manifest, image.Record.Name);

    private static bool ChooseMode(NodeOptions options)
    {
        KernelFeatures features = KernelFeatures.Probe(options.ImagesDirectory);
        bool onLoop = options.MountMode == MountMode.Loop || (options.MountMode == MountMode.Auto && !features.ErofsFromFiles);
        features.Require(onLoop);
        return onLoop;
    }

    private static void CreatePrivate(string path)
    {
        try
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, path, $"can't be made: {exception.Message}", Environment.IsPrivilegedProcess ? "--root and --state must be directories that can be written" : "run as root: the kernel lets nobody else mount", exception);
        }
    }
}
