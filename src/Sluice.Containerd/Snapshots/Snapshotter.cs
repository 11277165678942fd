using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots.Filters;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Containerd.Snapshots.Metadata;
using Sluice.Containerd.Snapshots.Ordinary;
using Sluice.Containerd.Snapshots.Overlay;
using Sluice.Formats;

namespace Sluice.Containerd.Snapshots;

/// <summary>
/// containerd's snapshotter over overlayfs, with layers that are served lazily.
/// </summary>
/// <remarks>
/// <para>Ordinary images behave exactly as with containerd's own overlayfs snapshotter; what <see cref="IOrdinaryLayers"/> brings of them, containerd need not. A layer that <see cref="ILazyImages"/> claims
/// is committed when it is prepared, has no directory, and stands for the whole image as one lower directory.</para>
/// <para>All members may be called concurrently. Violations of the snapshots API are <see cref="GrpcException"/>s with the
/// codes that containerd expects; what the lazy side throws passes through.</para>
/// <para>A crash at any point leaves the database consistent and at most directories that nobody refers to; <see cref="Cleanup"/> deletes them.</para>
/// </remarks>
public sealed partial class Snapshotter : IDisposable
{
    private readonly SnapshotDatabase _database;
    private readonly SnapshotDirectories _directories;
    private readonly OverlaySupport _support;
    private readonly FileStream? _lock;
    private readonly ILazyImages _images;
    private readonly LazyMounts _mounts;
    private readonly IOrdinaryLayers _ordinary;
    private readonly KeyedLock<string> _ordinaryLocks = new();
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly bool _removeLater;

    private Snapshotter(SnapshotterOptions options, SnapshotDatabase database, SnapshotDirectories directories, FileStream? rootLock, ILazyImages images, IOrdinaryLayers ordinary, ILogger logger)
    {
        _database = database;
        _directories = directories;
        _support = OverlaySupport.Detect(options.Root);
        _lock = rootLock;
        _images = images;
        _ordinary = ordinary;
        _mounts = new LazyMounts(images, logger);
        _time = options.Time;
        _logger = logger;
        _removeLater = options.RemoveLater;
    }

    /// <summary>Opens or creates the state below <see cref="SnapshotterOptions.Root"/>.</summary>
    /// <exception cref="SluiceException">The root is in use, damaged or on an unfit file system.</exception>
    public static Snapshotter Open(SnapshotterOptions options, ILazyImages? images = null, ILogger? logger = null, IOrdinaryLayers? ordinary = null)
    {
        SnapshotDirectories directories = new(options.Root);
        FileStream? rootLock = options.IsRootLocked ? null : LockRoot(options.Root);
        SnapshotDatabase? database = null;
        try
        {
            database = SnapshotDatabase.Open(Path.Combine(options.Root, "metadata.db"));
            return new Snapshotter(options, database, directories, rootLock, images ?? new NoLazyImages(), ordinary ?? new NoOrdinaryLayers(), logger ?? NullLogger.Instance);
        }
        catch
        {
            database?.Dispose();
            rootLock?.Dispose();
            throw;
        }
    }

    /// <summary>Images that containers can still be made from, or run on. After a restart these must be mountable without network; of the prefixes, those that were mounted before.</summary>
    public IReadOnlyList<LazyImage> LazyImages() => _database.Read(query => (IReadOnlyList<LazyImage>)[.. query.MountableImages(), .. FindPrefixes(query)]);

    /// <summary>Mounts an image of <see cref="LazyImages"/> ahead of need; does nothing if its last snapshot has been removed meanwhile.</summary>
    public Task RemountAsync(LazyImage image, CancellationToken cancellation) => _mounts.RemountAsync(image, () => LazyImages().Any(used => used.Key == image.Key), cancellation);

    /// <summary>True if there is a snapshot of this number, see <see cref="ContainerDisk.Id"/>.</summary>
    public bool Exists(long id) => _database.Read(query => query.Chain(id)).Count > 0;

    public SnapshotInfo Stat(string name) => Find(name).Info;

    /// <summary>Snapshots that match at least one of the filters, or all when there are none, ordered by name.</summary>
    public IReadOnlyList<SnapshotInfo> List(IReadOnlyList<string> filters)
    {
        SnapshotFilter[] parsed = [.. filters.Select(SnapshotFilter.Parse)];
        return _database.Read(query => query.List(parsed));
    }

    /// <summary>The mounts of an active snapshot or a view. Mounts the lazy image below it when it is not mounted.</summary>
    public Task<SnapshotMount> MountsAsync(string key, CancellationToken cancellation)
    {
        SnapshotRecord record = Find(key);
        return record.Info.Kind == SnapshotKind.Committed ? throw SnapshotErrors.NotMountable(key) : MountsOfAsync(record, cancellation);
    }

    /// <summary>What the snapshot of a container consists of; null if there is none.</summary>
    /// <param name="containerNamespace">containerd's.</param>
    /// <param name="key">As the container's record has it.</param>
    public SnapshotContents? FindContainer(string containerNamespace, string key) => _database.Read(query =>
    {
        if (Find(query, containerNamespace, key) is not { } found) return null;
        IReadOnlyList<SnapshotRecord> chain = query.Chain(found.Id);
        LazyImage? image = chain.FirstOrDefault(record => record.Layer is not null) is { } layer ? FindImage(query, layer) : null;
        IEnumerable<SnapshotRecord> directories = found.Mode == WriteMode.Overlay ? chain.TakeWhile(record => record.Layer is null) : [];
        return new SnapshotContents(found.Id, found.Mode, image, [.. directories.Select(record => _directories.Fs(record.Id)).Reverse()], _directories.Block(found.Id));
    });

    /// <summary>Makes sure that what a container's snapshot stands on is mounted or attached, as when containerd asks for its mounts.</summary>
    public async Task AttachContainerAsync(string containerNamespace, string key, CancellationToken cancellation) =>
        await MountsOfAsync(_database.Read(query => Find(query, containerNamespace, key)) ?? throw SnapshotErrors.NotFound(key), cancellation);

    public void Dispose()
    {
        _database.Dispose();
        _lock?.Dispose();
    }

    /// <summary>Of several with one key, which there are only after containerd lost its database, the latest.</summary>
    private static SnapshotRecord? Find(SnapshotQueries query, string containerNamespace, string key) => query.List([SnapshotFilter.Parse("kind==active")])
        .Where(info => SnapshotKey.TryParse(info.Name, out SnapshotKey parsed) && parsed.Namespace == containerNamespace && parsed.Key == key)
        .Select(info => query.Find(info.Name)).MaxBy(record => record?.Id);

    private SnapshotRecord Find(string name) => _database.Read(query => query.Find(name)) ?? throw SnapshotErrors.NotFound(name);

    private async Task<SnapshotMount> MountsOfAsync(SnapshotRecord record, CancellationToken cancellation)
    {
        bool writable = record.Info.Kind == SnapshotKind.Active;
        if (!_directories.Heal(record.Id, writable)) throw SnapshotErrors.DirectoryLost(record.Info.Name, _directories.Fs(record.Id));
        if (record.Mode != WriteMode.Overlay) return await AttachAsync(record, cancellation);
        List<string> lowers = [];
        foreach (SnapshotRecord parent in _database.Read(query => query.Chain(record.Id)).Skip(1))
        {
            if (parent.Layer is { } layer)
            {
                // The image contains everything below.
                LazyImage image = _database.Read(query => FindImage(query, parent)) ?? throw SnapshotErrors.DataLayer(parent.Info.Name, layer.Image.Reference);
                lowers.Add(await _mounts.MountAsync(image, cancellation));
                break;
            }

            if (!_directories.Heal(parent.Id, writable: false)) throw SnapshotErrors.DirectoryLost(parent.Info.Name, _directories.Fs(parent.Id));
            lowers.Add(_directories.Fs(parent.Id));
        }

        string fs = _directories.Fs(record.Id);
        return writable
            ? OverlayMounts.Writable(fs, _directories.Work(record.Id), lowers, _support)
            : OverlayMounts.ReadOnly(fs, lowers, _support);
    }

    private async Task<SnapshotMount> AttachAsync(SnapshotRecord record, CancellationToken cancellation)
    {
        LazyImage image = _database.Read(query => query.Chain(record.Id).Skip(1).FirstOrDefault() is { } below ? FindImage(query, below) : null) ?? throw SnapshotErrors.NotFound(record.Info.Name);
        var disk = new ContainerDisk(image, record.Id, _directories.Block(record.Id), record.Mode);
        bool Exists() => _database.Read(query => query.Chain(record.Id)).Count > 0;
        return await _mounts.AttachAsync(disk, Exists, cancellation) ?? throw SnapshotErrors.NotFound(record.Info.Name);
    }

    private static FileStream LockRoot(string root)
    {
        string path = Path.Combine(root, "lock");
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new SluiceException(SluiceError.Disk, root, "another process uses this root", "stop it or choose another root", exception);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(10, LogLevel.Warning, "The directory {Directory} could not be removed; the next cleanup tries again")]
        public static partial void RemovalFailed(ILogger logger, string directory, Exception exception);

        [LoggerMessage(11, LogLevel.Information, "Layer {Reference} of {Image} is served lazily")]
        public static partial void LazyLayer(ILogger logger, string reference, string image);

        [LoggerMessage(12, LogLevel.Debug, "Layer {Reference} was unpacked here")]
        public static partial void OrdinaryLayer(ILogger logger, string reference);
    }
}
