namespace Sluice.Node.Metrics;

/// <summary>
/// Every name there is. A name once given stays: dashboards and alerts of others depend on it. Labels have few values: causes, results, and sources, of which
/// the node has as many as registries and mirrors (see <see cref="SourceMetrics.MostSources"/>). What belongs to single images is in <c>GET /v1/images</c>.
/// </summary>
internal static class MetricFamilies
{
    public static readonly MetricFamily BuildInfo = Gauge("sluice_build_info", "1", "Always 1; the label has the version.", "version");
    public static readonly MetricFamily Starts = Counter("sluice_daemon_starts_total", "{start}", "Starts of the daemon since the machine was started, this one included.");
    public static readonly MetricFamily TakeOvers = Counter("sluice_takeovers_total", "{takeover}", "Starts since the machine was started that took over what an earlier daemon had mounted, by how that one had ended: killed, stopped, upgraded.", "kind");
    public static readonly MetricFamily KeeperUp = Gauge("sluice_keeper_up", "1", "1 if a keeper answers, so that containers survive the daemon's death.");

    public static readonly MetricFamily ReadHits = Counter("sluice_read_hits_total", "{read}", "Reads answered from local, verified bytes.");
    public static readonly MetricFamily ReadMisses = Counter("sluice_read_misses_total", "{read}", "Reads that had to wait for a fetch or a check.");
    public static readonly MetricFamily ReadErrors = Counter("sluice_read_errors_total", "{read}", "Reads that ended in an error.");
    public static readonly MetricFamily ReadDeadlines = Counter("sluice_read_deadlines_total", "{read}", "Reads whose time was over before a source had delivered.");
    public static readonly MetricFamily ReadBytes = Counter("sluice_read_bytes_total", "By", "Uncompressed bytes handed to readers.");
    public static readonly MetricFamily ReadWait = Histogram("sluice_read_wait_seconds", "How long misses waited, whatever became of them.");
    public static readonly MetricFamily ReadsWaiting = Gauge("sluice_reads_waiting", "{read}", "Reads that wait now.");
    public static readonly MetricFamily ReadsHung = Gauge("sluice_reads_hung", "{read}", "Reads that have waited longer than hung_seconds.");
    public static readonly MetricFamily ReadLongest = Gauge("sluice_read_longest_wait_seconds", "s", "How long the read has waited that waits longest; 0 if none waits.");
    public static readonly MetricFamily KernelReads = Counter("sluice_kernel_reads_total", "{request}", "Requests of the kernel, by result: hit, miss.", "result");
    public static readonly MetricFamily KernelWaiting = Gauge("sluice_kernel_reads_waiting", "{request}", "Requests of the kernel that are not answered, by state: fetching, queued.", "state");

    public static readonly MetricFamily Fetches = Counter("sluice_fetches_total", "{request}", "Requests to sources.");
    public static readonly MetricFamily FetchDuration = Histogram("sluice_fetch_duration_seconds", "How long answered requests to a source took.", "source");
    public static readonly MetricFamily FetchFailures = Counter("sluice_fetch_failures_total", "{request}", "Requests that a source failed or did not answer in time, and wrong answers, by kind: missing, denied, throttled, silent, broken, wrong.", "source", "kind");
    public static readonly MetricFamily FetchHedges = Counter("sluice_fetch_hedges_total", "{request}", "Second requests, sent to a source because the first one, here or elsewhere, took long.", "source");
    public static readonly MetricFamily FetchHedgesWon = Counter("sluice_fetch_hedges_won_total", "{request}", "Of these, those that were answered first.", "source");
    public static readonly MetricFamily FetchedBytes = Counter("sluice_fetched_bytes_total", "By", "Compressed bytes that sources delivered, by what they were wanted for.", "source", "cause");
    public static readonly MetricFamily Prefetched = Counter("sluice_prefetched_bytes_total", "By", "Uncompressed bytes that were fetched ahead of starts that are over.");
    public static readonly MetricFamily PrefetchUnread = Counter("sluice_prefetch_unread_bytes_total", "By", "Of these, bytes that the start did not read.");
    public static readonly MetricFamily FetchRetries = Counter("sluice_fetch_retries_total", "{request}", "Fetches that were tried again.");
    public static readonly MetricFamily FetchJoins = Counter("sluice_fetch_joins_total", "{read}", "Misses that waited for bytes which were already on their way.");
    public static readonly MetricFamily FetchMerges = Counter("sluice_fetch_merges_total", "{read}", "Misses that went along with a fetch that was still queued.");
    public static readonly MetricFamily FetchesRunning = Gauge("sluice_fetches_running", "{request}", "Requests that sources are working on, or whose answer is being decoded.");
    public static readonly MetricFamily FetchesQueued = Gauge("sluice_fetches_queued", "{request}", "Fetches that wait for a place, by priority.", "priority");
    public static readonly MetricFamily FetchMemory = Gauge("sluice_fetch_memory_bytes", "By", "Memory that fetches under way hold.");
    public static readonly MetricFamily FetchOldest = Gauge("sluice_fetch_oldest_seconds", "s", "Age of the oldest queued or running fetch; 0 if there is none.");
    public static readonly MetricFamily DecodedBytes = Counter("sluice_decoded_bytes_total", "By", "Bytes that were decoded and verified.");

    public static readonly MetricFamily SourceState = Gauge("sluice_source_state", "{source}", "1 for the state that a source is in, 0 for the others: healthy, resting (it failed), held_back (it asked for a pause).", "source", "state");
    public static readonly MetricFamily SourceRunning = Gauge("sluice_source_requests_running", "{request}", "Requests of reads that a source is working on.", "source");
    public static readonly MetricFamily SourceDistrusted = Gauge("sluice_source_distrusted_blobs", "{blob}", "Blobs of which a source delivered wrong bytes lately.", "source");
    public static readonly MetricFamily SourcePauses = Counter("sluice_source_pauses_total", "{pause}", "How often a source asked for a pause (429, Retry-After).", "source");
    public static readonly MetricFamily SourcePaused = Counter("sluice_source_paused_seconds_total", "s", "How long these pauses have lasted together.", "source");

    public static readonly MetricFamily VerificationFailures =
        Counter("sluice_verification_failures_total", "{part}", "What was not what its digest says, by where it came from: source, cache. It was never served.", "origin");
    public static readonly MetricFamily CacheChecks = Counter("sluice_cache_checks_total", "{chunk}", "Chunks of an earlier process that were checked at their first read.");
    public static readonly MetricFamily CacheStoreFailures = Counter("sluice_cache_store_failures_total", "{chunk}", "Chunks that were served and could not be stored.");
    public static readonly MetricFamily CacheBytes = Gauge("sluice_cache_bytes", "By", "What the cache takes on its disk.");
    public static readonly MetricFamily CacheFree = Gauge("sluice_cache_free_bytes", "By", "What the disk of the cache has left.");
    public static readonly MetricFamily CacheLimit = Gauge("sluice_cache_limit_bytes", "By", "Most that the cache may take now: its quota, or what min_free leaves; 0 if there is no limit.");
    public static readonly MetricFamily CacheHeld = Gauge("sluice_cache_held_bytes", "By", "Complete blobs that the kernel reads by itself and that can't be evicted.");
    public static readonly MetricFamily CacheStored = Counter("sluice_cache_stored_bytes_total", "By", "Bytes of chunks that were stored.");
    public static readonly MetricFamily CacheEvicted = Counter("sluice_cache_evicted_bytes_total", "By", "Bytes of the disk that evictions gave back.");
    public static readonly MetricFamily CacheEvictedChunks = Counter("sluice_cache_evicted_chunks_total", "{chunk}", "Chunks that were evicted one by one; blobs that no image uses go whole.");
    public static readonly MetricFamily CacheRefused = Counter("sluice_cache_refused_chunks_total", "{chunk}", "Chunks that were served and not stored because the cache was at its limit.");
    public static readonly MetricFamily CacheWriteFailures = Counter("sluice_cache_write_failures_total", "{write}", "Writes that the cache's disk failed; after each nothing is stored for 2 s.");
    public static readonly MetricFamily CacheSaved = Counter("sluice_cache_saved_bytes_total", "By", "Bytes that were not downloaded because another blob had them, by how they came to the disk: shared (its blocks), copied.", "how");

    public static readonly MetricFamily Images = Gauge("sluice_images", "{image}", "Lazy images, by state: known, mounted, complete, local (new containers get a local mount); each state counts the next one, too.", "state");
    public static readonly MetricFamily ContainerDisks = Gauge("sluice_container_disks", "{disk}", "Containers' own disks that are attached.");
    public static readonly MetricFamily DiskRequestsWaiting = Gauge("sluice_container_disk_requests_waiting", "{request}", "Reads, writes and flushes of containers' own disks that are not answered.");
    public static readonly MetricFamily DiskRequestsHung = Gauge("sluice_container_disk_requests_hung", "{request}", "Of these, those that have waited longer than hung_seconds.");
    public static readonly MetricFamily DiskRequestLongest = Gauge("sluice_container_disk_longest_wait_seconds", "s", "How long the request has waited that waits longest; 0 if none waits.");
    public static readonly MetricFamily Disks = Gauge("sluice_disks", "{disk}", "Disks of images that the kernel can read.");
    public static readonly MetricFamily Mounts = Gauge("sluice_mounts", "{mount}", "Mounts below the state directory.");
    public static readonly MetricFamily Loops = Gauge("sluice_loop_devices", "{device}", "Loop devices on disks of this node.");
    public static readonly MetricFamily LogLines = Counter("sluice_log_lines_total", "{line}", "Lines of the log, by level: warning, error.", "level");

    public static readonly MetricFamily StartTime = Gauge("process_start_time_seconds", "s", "When the process was started, in seconds since 1970.");
    public static readonly MetricFamily Cpu = Counter("process_cpu_seconds_total", "s", "Processor time of the process.");
    public static readonly MetricFamily Resident = Gauge("process_resident_memory_bytes", "By", "Memory of the process.");
    public static readonly MetricFamily Descriptors = Gauge("process_open_fds", "{descriptor}", "Open files.");
    public static readonly MetricFamily DescriptorLimit = Gauge("process_max_fds", "{descriptor}", "Most files that may be open.");
    public static readonly MetricFamily Threads = Gauge("process_threads", "{thread}", "Threads.");
    public static readonly MetricFamily Collections = Counter("dotnet_gc_collections_total", "{collection}", "Garbage collections, by generation.", "generation");
    public static readonly MetricFamily GcPause = Counter("dotnet_gc_pause_seconds_total", "s", "How long collections stopped the process, together.");
    public static readonly MetricFamily GcHeap = Gauge("dotnet_gc_heap_bytes", "By", "The managed heap.");
    public static readonly MetricFamily GcAllocated = Counter("dotnet_gc_allocated_bytes_total", "By", "Bytes that were allocated on the managed heap.");

    /// <summary>In the order in which they are exported.</summary>
    public static IReadOnlyList<MetricFamily> All { get; } =
    [
        BuildInfo, Starts, TakeOvers, KeeperUp,
        ReadHits, ReadMisses, ReadErrors, ReadDeadlines, ReadBytes, ReadWait, ReadsWaiting, ReadsHung, ReadLongest, KernelReads, KernelWaiting,
        Fetches, FetchDuration, FetchFailures, FetchHedges, FetchHedgesWon, FetchedBytes, Prefetched, PrefetchUnread, FetchRetries, FetchJoins, FetchMerges, FetchesRunning, FetchesQueued, FetchMemory, FetchOldest, DecodedBytes,
        SourceState, SourceRunning, SourceDistrusted, SourcePauses, SourcePaused,
        VerificationFailures, CacheChecks, CacheStoreFailures, CacheBytes, CacheFree, CacheLimit, CacheHeld, CacheStored, CacheEvicted, CacheEvictedChunks, CacheRefused, CacheWriteFailures, CacheSaved,
        Images, ContainerDisks, DiskRequestsWaiting, DiskRequestsHung, DiskRequestLongest, Disks, Mounts, Loops, LogLines,
        StartTime, Cpu, Resident, Descriptors, DescriptorLimit, Threads, Collections, GcPause, GcHeap, GcAllocated,
    ];

    private static MetricFamily Counter(string name, string unit, string help, params string[] labels) => new(name, MetricKind.Counter, unit, help, labels);

    private static MetricFamily Gauge(string name, string unit, string help, params string[] labels) => new(name, MetricKind.Gauge, unit, help, labels);

    private static MetricFamily Histogram(string name, string help, params string[] labels) => new(name, MetricKind.Histogram, "s", help, labels);
}
