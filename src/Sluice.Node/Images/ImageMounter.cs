using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Syscalls;
using Sluice.Node.Configuration;
using Sluice.Node.Starts;
using Sluice.Node.Succession;
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
internal sealed partial class ImageMounter : IAsyncDisposable
{
    /// <summary>
    /// A parsed bootstrap is many times what the mounted image needs of it, and a daemon that only serves hits allocates nothing, so
    /// that no collection would come by itself. This long after the last mount, when containers have begun, the memory goes back to the system.
    /// </summary>
    private static readonly TimeSpan TrimAfter = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(10);

    private readonly NodeOptions _options;
    private readonly DirectoryLock _stateLock;
    private readonly MountDescription _description;
    private readonly KeptConnections _connections;
    private readonly CacheDirectory _cache;
    private readonly Fetcher _fetcher;
    private readonly MountProcess _mounts;
    private readonly WritableDisks _writable;
    private readonly ImageDeadlines _deadlines;
    private readonly Action<string> _log;
    private readonly BackgroundDownloads _downloads;
    private volatile PrefetchOptions _prefetch;
    private DiskServer? _server;
    private Task<ServerHealth>? _asking;
    private readonly Timer _trim;

    private ImageMounter(
        NodeOptions options, DirectoryLock stateLock, MountDescription description, KeptConnections connections, CacheDirectory cache, Fetcher fetcher, MountProcess mounts, Action<string> log)
    {
        (_options, _stateLock, _description, _connections, _cache, _fetcher, _mounts, _log) = (options, stateLock, description, connections, cache, fetcher, mounts, log);
        _prefetch = options.Prefetch;
        _trim = new Timer(_ => Trim());
        PrefetchRate = new DownloadRate(() => _prefetch.MaxMegabytesPerSecond * 1_000_000L);
        _downloads = new BackgroundDownloads(options.Background, log);
        _deadlines = new ImageDeadlines(options.Deadlines, fetcher);
        _writable = new WritableDisks(options, mounts, connections, description, _deadlines.Of, log);
    }

    /// <summary>True if EROFS is mounted over loop devices.</summary>
    public bool OnLoop { get; private set; }

    public Fetcher Fetcher => _fetcher;

    public CacheDirectory Cache => _cache;

    /// <summary>How fast what starts need may be fetched ahead, all together.</summary>
    public DownloadRate PrefetchRate { get; }

    /// <summary>What is done for each image that was mounted.</summary>
    public ImageActivities Activities { get; } = new();

    /// <summary>What the disk server has answered so far, over all images.</summary>
    public DiskServerCounters Counters => Server.Counters;

    /// <summary>What containers wait for on their own disks.</summary>
    /// <param name="limit">What waits longer hangs.</param>
    public OpenRequests CountOpenWritable(TimeSpan limit) => _writable.CountOpen(limit);

    private DiskServer Server => _server ?? throw new InvalidOperationException("not started");

    /// <summary>Takes over what a predecessor has left and serves it when this returns; what is left otherwise is cleaned away.</summary>
    /// <param name="images">Where the metadata of what was mounted is.</param>
    /// <param name="events">Told what happens on the read path; null: <paramref name="log"/> is.</param>
    /// <param name="locked">Called once the directories are this process's, before anything of an image is asked for.</param>
    /// <exception cref="SluiceException">The kernel lacks something, or a directory is in use or can't be written, or a later version has used them.</exception>
    public static async Task<ImageMounter> StartAsync(NodeOptions options, LocalImages images, Action<string> log, CancellationToken cancellation, Action<FetchEvent>? events = null, Action? locked = null)
    {
        CreatePrivate(options.Root);
        CreatePrivate(options.State);
        CreatePrivate(options.ImagesDirectory);
        CreatePrivate(options.MountsDirectory);
        DirectoryLock stateLock = DirectoryLock.Take(options.State, "unmount what is mounted with it or stop the daemon, or give this one another --state");
        KeptConnections? connections = null;
        CacheDirectory? cache = null;
        Fetcher? fetcher = null;
        bool? onLoop = null;
        ImageMounter mounter;
        try
        {
            RootVersions.Check(options.Root);
            locked?.Invoke();
            MountDescription description = MountDescription.Open(options.DescriptionDirectory, log);
            connections = await KeptConnections.OpenAsync(options, description, log, cancellation);
            cache = new CacheDirectory(options.CacheDirectory, options.Cache with { Log = log });
            RootVersions.Write(options.Root);
            bool isAwaited = description.Mounts.Count > 0; // by readers of what a predecessor has mounted: what they need comes first
            if (!isAwaited) onLoop = ChooseMode(options);
            fetcher = new Fetcher(options.Fetch with { Log = log, Events = events });
            MountProcess mounts = MountProcess.Start(new MountProcessOptions { Guard = options.MountGuard, Namespace = connections.Namespace }, log, later: isAwaited);
            mounter = new ImageMounter(options, stateLock, description, connections, cache, fetcher, mounts, log);
        }
        catch
        {
            fetcher?.Dispose();
            cache?.Dispose();
            connections?.End();
            stateLock.Dispose();
            throw;
        }

        try
        {
            await mounter.TakeOverAsync(images, cancellation);
            mounter.OnLoop = onLoop ?? ChooseMode(options);
            return mounter;
        }
        catch
        {
            await mounter.StopAsync();
            throw;
        }
    }

    /// <summary>Starts what mounts ahead of need, where the start left it for later; returns without waiting for it to be ready.</summary>
    public Task PrepareAsync() => _mounts.PrepareAsync();

    /// <summary>Asks the disk server for a sign of life, through the kernel. Also while a local disk hangs it answers that at once; of the writable disks nothing is asked, since there nobody could.</summary>
    public Task<ServerHealth> AskDisksAsync(CancellationToken cancellation)
    {
        if (_asking is { IsCompleted: false } before) return before.WaitAsync(cancellation); // one thread that waits is enough
        return (_asking = Task.Run(() => FuseServers.Ask(_options.DisksDirectory, AskLimit), CancellationToken.None)).WaitAsync(cancellation);
    }

    /// <summary>Other values hold, also for what is mounted.</summary>
    public void Apply(NodeOptions changed)
    {
        _fetcher.Apply(changed.Fetch);
        _cache.Apply(changed.Cache);
        _deadlines.Apply(changed.Deadlines);
        _downloads.Apply(changed.Background);
        _prefetch = changed.Prefetch;
    }

    /// <summary>Brings the metadata of an image here.</summary>
    public Task<DownloadedImage> FetchMetadataAsync(StoredImage image, CancellationToken cancellation) => DownloadedImage.FetchAsync(image, _cache, cancellation);

    /// <summary>Downloads all of an image, mounted or not, as fast as it comes. Null: it is here.</summary>
    /// <inheritdoc cref="LendReadersAsync"/>
    public async Task<DownloadEnd?> DownloadAsync(LocalImage image, IImageStore store, CancellationToken cancellation)
    {
        DownloadEnd? end = null;
        await LendReadersAsync(image, store, async readers =>
        {
            if (!readers.Values.All(reader => reader.Holds(0, reader.Format.Length))) end = await new EagerDownload([.. readers.Values]).RunAsync(cancellation);
        }, cancellation);
        return end;
    }

    /// <summary>Opens an image, mounted or not, for somebody who fetches what nobody waits for.</summary>
    /// <param name="store">Where its blobs come from.</param>
    /// <param name="use">Gets readers by blob, which are closed when it has ended.</param>
    /// <exception cref="SluiceException">Tables of the image are corrupt or can't be had, or the cache can't be opened.</exception>
    public async Task LendReadersAsync(LocalImage image, IImageStore store, Func<IReadOnlyDictionary<Digest, BlobReader>, Task> use, CancellationToken cancellation)
    {
        ImageDisks opener = Opener(image);
        IReadOnlyList<IDisk> disks = await image.Content.OpenDisksAsync(opener, store, "ahead", image, onLoop: false, cancellation);
        try
        {
            await use(opener.Readers);
        }
        finally
        {
            foreach (IDisk disk in disks) disk.Dispose();
        }
    }

    /// <summary>Mounts an image on <paramref name="target"/>, which is made if it does not exist: locally, if all of it is here.</summary>
    /// <param name="key">Names the image's disks; unique among the mounted ones.</param>
    /// <param name="store">Where its blobs come from; open as long as the image is mounted.</param>
    /// <param name="name">What was asked for, for a successor to compare.</param>
    /// <param name="follow">Told who reads the blobs, before the mount is made, unless it is a local one: follows the starts of its containers. Null: nobody does.</param>
    public async Task<MountedImage> MountAsync(
        string key, LocalImage image, IImageStore store, string target, CancellationToken cancellation, string name = "",
        Func<ImageActivity, IReadOnlyDictionary<Digest, BlobReader>, MountStarts>? follow = null)
    {
        ImageActivity activity = ActivityOf(image);
        activity.Mark(ImageStep.MountBegan);
        ImageDisks opener = Opener(image);
        OpenedImage opened = await image.Content.OpenAsync(opener, store, key, image, OnLoop, cancellation);
        MountRecord record = RecordOf(key, image, target) with { Name = name, OwnsTarget = !Directory.Exists(target), OnLoop = OnLoop };
        MountedImage? here = await TryMountLocalAsync(record, opened);
        MountStarts? starts = here is null ? follow?.Invoke(activity, opener.Readers) : null;
        if (starts?.Latest is null) activity.NoStartFollows();
        MountedImage mounted = here ?? await MountServedAsync(record, opened, starts);
        activity.Mark(ImageStep.Mounted);
        Complete(image, opener);
        TrimSoon();
        return mounted;
    }

    /// <summary>Mounts a block image for writing on <paramref name="target"/>, which is made if it does not exist.</summary>
    /// <param name="key">Names the disk; unique among the writable ones.</param>
    /// <param name="layer">Made if it is missing. Its directory must not be in use.</param>
    /// <exception cref="SluiceException">Not a block image, the layer is of another image or damaged, or the kernel refused.</exception>
    public async Task<MountedImage> MountWritableAsync(
        string key, LocalImage image, IImageStore store, string target, WritableLayer layer, CancellationToken cancellation, string name = "")
    {
        ActivityOf(image).Mark(ImageStep.MountBegan);
        WritableDisk disk = OpenWritable(_writable.NameOf(key), image, store, layer);
        MountedImage mounted = await _writable.MountAsync(disk, RecordOf(key, image, target) with { Name = name, Layer = layer.Directory }, _options.LazyReadAheadKilobytes, cancellation);
        ActivityOf(image).Mark(ImageStep.Mounted);
        TrimSoon();
        return mounted;
    }

    /// <summary>Makes a writable block device of a block image.</summary>
    /// <inheritdoc cref="MountWritableAsync"/>
    public async Task<AttachedDevice> AttachWritableAsync(string key, LocalImage image, IImageStore store, WritableLayer layer, CancellationToken cancellation)
    {
        ActivityOf(image).Mark(ImageStep.MountBegan);
        AttachedDevice device = await _writable.AttachAsync(
            OpenWritable(_writable.NameOf(key), image, store, layer), RecordOf(key, image, target: "") with { Layer = layer.Directory }, _options.LazyReadAheadKilobytes, cancellation);
        ActivityOf(image).Mark(ImageStep.Mounted);
        TrimSoon();
        return device;
    }

    /// <summary>Deletes cached data of blobs that no mounted image uses and that are not in <paramref name="keep"/>.</summary>
    public void RemoveUnusedBlobs(IReadOnlySet<Digest> keep) => _cache.RemoveUnused(keep);

    /// <summary>Ends reads that wait for a source in an error, so that whatever is unmounted next does not wait for them. Final.</summary>
    public void StopFetching()
    {
        _downloads.Dispose();
        _fetcher.Dispose();
    }

    /// <summary>Ends the servers and unmounts what they serve.</summary>
    public async ValueTask DisposeAsync()
    {
        await _trim.DisposeAsync();
        await _writable.DisposeAsync();
        if (_server is not null)
        {
            await _server.DisposeAsync();
            if (!_server.HasLeft) _connections.Release(KeptConnections.Disks);
        }

        StopFetching();
        _cache.Dispose();
        if (_server is { HasLeft: true }) _connections.Dispose();
        else _connections.End();
        _stateLock.Dispose(); // here a successor begins
        await _mounts.DisposeAsync();
    }

    private async Task<MountedImage> MountServedAsync(MountRecord record, OpenedImage opened, MountStarts? starts)
    {
        var mounted = new MountedImage(record.Target, record.OwnsTarget, opened.Disks, Server, _mounts, new DescribedMount(_description, record.Key)) { Starts = starts };
        try
        {
            string[] files = [.. opened.Disks.Select(disk => Server.Add(disk, _deadlines.Of(record.Reference)))];
            IEnumerable<DiskRecord> disks = opened.Disks.Select(disk => new DiskRecord(disk.Name, disk.Length, Server.PlaceOf(disk.Name)));
            await MountAsync(mounted, record with { Disks = [.. disks] }, opened.Mount, files);
            return mounted;
        }
        catch
        {
            await mounted.DisposeAsync();
            throw;
        }
    }

    private async Task MountAsync(MountedImage mounted, MountRecord record, MountDisks mount, IReadOnlyList<string> files)
    {
        int readAhead = mounted.Disks.All(disk => disk.IsLocal) ? _options.ReadAheadKilobytes : _options.LazyReadAheadKilobytes;
        _description.Write(record);
        Directory.CreateDirectory(record.Target);
        await mount(_mounts, files, record.Target, readAhead, CancellationToken.None); // one that is given up may come to be all the same, and nobody would unmount it
        mounted.Found();
    }

    private void Trim()
    {
        _server?.Trim();
        _writable.Trim();
        ProcessMemory.Trim();
    }

    /// <summary>A mount leaves garbage behind, which nobody would collect for long on a node where little happens.</summary>
    private void TrimSoon() => _trim.Change(TrimAfter, Timeout.InfiniteTimeSpan);

    private ImageDisks Opener(LocalImage image) => new(_cache, _fetcher, ActivityOf(image), _deadlines.Of(image.Record.Reference));

    /// <summary>What is not here yet comes when the containers have started.</summary>
    private void Complete(LocalImage image, ImageDisks opened) => _downloads.Begin(image.Record.Name, [.. opened.Readers.Values]);

    private static MountRecord RecordOf(string key, LocalImage image, string target) =>
        new() { Key = key, Reference = image.Record.Reference, Manifest = image.Record.Manifest.ToString(), Target = target };

    private WritableDisk OpenWritable(string disk, LocalImage image, IImageStore store, WritableLayer layer)
    {
        if (image.Content is not BlockContent blocks)
            throw new SluiceException(SluiceError.Usage, image.Record.Reference, "only block images can have a writable layer", "convert it with --format overlaybd");

        ActivityOf(image).NoStartFollows();
        ImageDisks opener = Opener(image);
        WritableDisk opened = blocks.OpenWritable(opener, store, disk, layer, _options.PendingDirectory);
        Complete(image, opener);
        return opened;
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
