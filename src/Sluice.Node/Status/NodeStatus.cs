namespace Sluice.Node.Status;

/// <summary>Answer to <c>GET /v1/status</c>; docs/admin-api.md says what each field means. Times are UTC, durations seconds, sizes bytes.</summary>
public sealed record NodeStatus(
    string Version,
    int Pid,
    DateTimeOffset StartedAt,
    double UptimeSeconds,
    long Starts,
    TakeOverCounts TakeOvers,
    KeeperStatus Keeper,
    string Root,
    string State,
    string Mounts,
    ImageCounts Images,
    CacheStatus Cache,
    ReadStatus Reads,
    IReadOnlyList<WaitStatus> Waits,
    DiskRequestStatus DiskRequests,
    IReadOnlyList<SourceStatus> Sources,
    IReadOnlyList<RecentLine> Recent,
    ProcessStatus Process);

/// <param name="Running">A keeper process answers in the state directory.</param>
/// <param name="Held">What it holds; empty if none runs.</param>
public sealed record KeeperStatus(bool Running, IReadOnlyList<string> Held);

/// <param name="Known">Images that containerd knows by this snapshotter.</param>
/// <param name="Mounted">Of these, mounted or below a container's own disk.</param>
/// <param name="Complete">Of the mounted ones, all data is here.</param>
/// <param name="Local">Of the complete ones, new containers get a local mount.</param>
/// <param name="ContainerDisks">Containers' own disks.</param>
public sealed record ImageCounts(int Known, int Mounted, int Complete, int Local, int ContainerDisks);

/// <param name="Directory">Where the cache is.</param>
/// <param name="Bytes">What it takes on the disk.</param>
/// <param name="FreeBytes">What the disk has left; null if that can't be found out.</param>
/// <param name="LimitBytes">Most that it may take now: the quota, or what the minimum of free space leaves; 0 if there is no limit.</param>
/// <param name="HeldBytes">What of it can't be evicted, as the kernel reads it by itself.</param>
/// <param name="EvictedBytes">What evictions gave back since the start.</param>
/// <param name="SavedBytes">What was not downloaded since the start, as another blob had it.</param>
public sealed record CacheStatus(string Directory, long Bytes, long? FreeBytes, long LimitBytes = 0, long HeldBytes = 0, long EvictedBytes = 0, long SavedBytes = 0);

/// <param name="Hits">Reads answered from local bytes.</param>
/// <param name="Misses">Reads that had to wait.</param>
/// <param name="Errors">Reads that ended in an error.</param>
/// <param name="DeadlinesPassed">Of these, because their time was over.</param>
/// <param name="VerificationFailures">Parts that a source delivered, or chunks that the cache had, and that were not what their digest says.</param>
/// <param name="BytesFetched">Compressed bytes that sources delivered.</param>
/// <param name="Waiting">Reads that wait now.</param>
/// <param name="Hung">Of these, longer than <paramref name="HungSeconds"/>.</param>
/// <param name="HungSeconds">From the configuration.</param>
public sealed record ReadStatus(long Hits, long Misses, long Errors, long DeadlinesPassed, long VerificationFailures, long BytesFetched, int Waiting, int Hung, int HungSeconds);

/// <summary>A read that waits now.</summary>
/// <param name="Image">Name of the image.</param>
/// <param name="Disk">The disk, as the disk server calls it.</param>
/// <param name="Offset">First byte on the disk.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Seconds">How long it has waited.</param>
public sealed record WaitStatus(string Image, string Disk, long Offset, int Length, double Seconds);

/// <summary>Reads, writes and flushes of containers' own disks that are not answered.</summary>
/// <param name="Waiting">All of them.</param>
/// <param name="Hung">Of these, those that have waited longer than <c>hung_seconds</c>.</param>
/// <param name="LongestSeconds">How long the oldest has waited; 0 if there is none.</param>
public sealed record DiskRequestStatus(int Waiting, int Hung, double LongestSeconds);

/// <summary>A warning or error of the log. Lines that differ only in details are one, the latest.</summary>
/// <param name="At">When it was written the last time.</param>
/// <param name="Level"><c>warning</c> or <c>error</c>.</param>
/// <param name="Event">Stable number; docs/logs.md.</param>
/// <param name="Image">The image that it is about; null if none.</param>
/// <param name="Count">How often since the start.</param>
public sealed record RecentLine(DateTimeOffset At, string Level, int Event, string? Image, string Message, long Count);

/// <param name="ResidentBytes">Memory.</param>
/// <param name="Descriptors">Open files.</param>
/// <param name="DescriptorLimit">Most files that may be open; null: no limit.</param>
/// <param name="Mounts">Mounts below the state directory.</param>
/// <param name="Loops">Loop devices on disks of this node.</param>
public sealed record ProcessStatus(long ResidentBytes, int Descriptors, long? DescriptorLimit, int Threads, int Mounts, int Loops);
