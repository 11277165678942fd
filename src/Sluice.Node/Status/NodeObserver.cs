using System.Reflection;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats.Oci;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;
using Sluice.Node.Images;
using Sluice.Storage.Activity;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Storage.Traces;

namespace Sluice.Node.Status;

/// <summary>Looks at a running node and says how it is. Only reads; may be asked concurrently. Nothing of it waits for a source or for a mount that may hang.</summary>
internal sealed class NodeObserver(LiveConfiguration configuration, ImageMounter mounter, LazyImages images, Snapshotter snapshotter, RecentLines recent, DaemonStarts start, TimeProvider time)
{
    /// <summary>Waiting reads that are listed: there may be thousands.</summary>
    private const int MostWaits = 20;

    private static readonly TimeSpan KeeperPatience = TimeSpan.FromSeconds(1);

    private readonly long _started = time.GetTimestamp();

    /// <summary>Of the program.</summary>
    public static string Version { get; } = typeof(NodeObserver).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    public DateTimeOffset StartedAt { get; } = time.GetUtcNow();

    public DaemonStarts Start => start;

    public FetchCounters Counters => mounter.Fetcher.Counters;

    /// <summary>What was fetched ahead of starts.</summary>
    public PrefetchOutcome Ahead => images.Starts.Traces.Ahead;

    private NodeOptions Options => configuration.Current;

    /// <summary>What fetches do now.</summary>
    public ActivitySnapshot Fetching() => mounter.Fetcher.GetActivity();

    /// <summary>What the kernel has asked for and got.</summary>
    public DiskServerCounters Kernel() => mounter.Counters;

    public NodeStatus Look()
    {
        IReadOnlyList<ImageStatus> list = LookAtImages();
        return new NodeStatus(
            Version, Environment.ProcessId, StartedAt, Math.Round(time.GetElapsedTime(_started).TotalSeconds, 3), start.Starts, start.TakeOvers, LookAtKeeper(), Options.Root, Options.State,
            mounter.OnLoop ? "loop" : "file", Count(list), LookAtCache(), LookAtReads(), LookAtWaits(), LookAtContainerDisks(), [.. LookAtPlaces().Select(SourceStatus.Of)], recent.Lines(), LookAtProcess());
    }

    /// <summary>By name; prefixes last.</summary>
    public IReadOnlyList<ImageStatus> LookAtImages()
    {
        IReadOnlyDictionary<Digest, IReadOnlyList<IDisk>> mounted = images.MountedDisks();
        ILookup<Digest, IDisk> disks = images.ContainerDisks;
        IEnumerable<ImageStatus> found = snapshotter.LazyImages()
            .DistinctBy(image => image.Key)
            .Where(image => image.Made is null || images.IsHere(image))
            .Select(image => LookAt(image, mounted, disks));
        return [.. found.OrderBy(image => image.Prefix).ThenBy(image => image.Name, StringComparer.Ordinal).ThenBy(image => image.Digest, StringComparer.Ordinal)];
    }

    public ImageCounts Count(IReadOnlyList<ImageStatus> list) =>
        new(list.Count, list.Count(image => image.Mounted), list.Count(image => image.IsComplete), list.Count(image => image.IsLocal), images.ContainerDisks.Sum(group => group.Count()));

    /// <summary>What the cache has and what it has done.</summary>
    public CacheCounters CountCache() => mounter.Cache.Counters;

    public CacheStatus LookAtCache()
    {
        CacheCounters counters = CountCache();
        return new CacheStatus(Options.CacheDirectory, counters.UsedBytes, FreeBytes(Options.Root), counters.LimitBytes, counters.HeldBytes, counters.EvictedBytes, counters.SharedBytes + counters.CopiedBytes);
    }

    public ReadStatus LookAtReads()
    {
        (int waiting, int hung) = mounter.Activities.CountInFlight(TimeSpan.FromSeconds(Options.HungSeconds));
        return new ReadStatus(
            Counters.Hits, Counters.Misses, Counters.Failures, Counters.Deadlines, Counters.WrongBytes + Counters.Corruptions, Counters.BytesFetched, waiting, hung, Options.HungSeconds);
    }

    /// <summary>The longest first.</summary>
    public IReadOnlyList<WaitStatus> LookAtWaits() =>
    [
        .. mounter.Activities.All.Values
            .SelectMany(image => image.InFlight().Take(MostWaits).Select(wait => new WaitStatus(image.Name, wait.Disk, wait.Offset, wait.Length, Math.Round(wait.Waited.TotalSeconds, 3))))
            .OrderByDescending(wait => wait.Seconds)
            .Take(MostWaits),
    ];

    /// <summary>By name.</summary>
    public IReadOnlyList<SourceReport> LookAtPlaces() => [.. mounter.Fetcher.GetSources().OrderBy(source => source.Health.Name, StringComparer.Ordinal)];

    public DiskRequestStatus LookAtContainerDisks()
    {
        OpenRequests open = mounter.CountOpenWritable(TimeSpan.FromSeconds(Options.HungSeconds));
        return new DiskRequestStatus(open.Waiting, open.Hung, Math.Round(open.Longest.TotalSeconds, 3));
    }

    private ImageStatus LookAt(LazyImage image, IReadOnlyDictionary<Digest, IReadOnlyList<IDisk>> mounted, ILookup<Digest, IDisk> disks)
    {
        Digest manifest = image.Key.Manifest;
        IReadOnlyList<IDisk> served = mounted.TryGetValue(manifest, out IReadOnlyList<IDisk>? shared) ? shared : [.. disks[manifest].Take(1)];
        DiskFill? fill = served.Count == 0 ? null : served.Aggregate(default(DiskFill), (sum, disk) => sum + disk.Fill);
        return new ImageStatus(
            image.Reference, manifest.ToString(), image.Made is not null, served.Count > 0, images.IsLocal(manifest), fill?.Local, fill?.Whole, mounter.Activities.Find(manifest) is { } activity && activity.At(ImageStep.MountBegan) is not null ? Describe(activity) : null);
    }

    private ImageActivityStatus Describe(ImageActivity activity)
    {
        ActivityTotals totals = activity.Totals();
        (int waiting, int hung) = activity.CountInFlight(TimeSpan.FromSeconds(Options.HungSeconds));
        return new ImageActivityStatus(
            activity.FirstRead, totals.Hits, totals.Misses, Math.Round(totals.Waited.TotalSeconds, 6), totals.Errors, totals.Fetches, totals.WrongUnits,
            FetchCauses.All.ToDictionary(cause => cause.Name(), cause => totals.Bytes[(int)cause]), totals.Sources, waiting, hung);
    }

    public KeeperStatus LookAtKeeper()
    {
        try
        {
            IReadOnlyList<string>? held = KeeperProcess.Names(Options.State, KeeperPatience);
            return new KeeperStatus(held is not null, held ?? []);
        }
        catch (Formats.SluiceException)
        {
            return new KeeperStatus(false, []); // it ended while it was asked
        }
    }

    public ProcessStatus LookAtProcess() => ProcessFigures.Read(Options.State);

    private static long? FreeBytes(string path)
    {
        try
        {
            return new DriveInfo(path).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
