using System.Globalization;
using Sluice.Kernel.Fuse;
using Sluice.Node.Status;
using Sluice.Storage.Activity;
using Sluice.Storage.Cache;
using Sluice.Storage.Fetching;
using Sluice.Storage.Traces;

namespace Sluice.Node.Metrics;

/// <summary>
/// Reads the counters of the node. They are counted whether somebody asks or not, by interlocked additions where the work is done; nothing is
/// added to a read for the sake of metrics.
/// </summary>
internal sealed class NodeMetrics(NodeObserver node, RecentLines log, TimeProvider time)
{
    public MetricReading Read()
    {
        var reading = new MetricReading(node.StartedAt, time.GetUtcNow());
        reading.Add(MetricFamilies.BuildInfo, 1, NodeObserver.Version);
        reading.Add(MetricFamilies.Starts, node.Start.Starts);
        reading.Add(MetricFamilies.TakeOvers, node.Start.TakeOvers.Killed, "killed");
        reading.Add(MetricFamilies.TakeOvers, node.Start.TakeOvers.Stopped, "stopped");
        reading.Add(MetricFamilies.TakeOvers, node.Start.TakeOvers.Upgraded, "upgraded");
        reading.Add(MetricFamilies.KeeperUp, node.LookAtKeeper().Running ? 1 : 0);
        AddReads(reading, node.Counters);
        AddFetches(reading, node.Counters, node.Fetching(), node.Ahead);
        SourceMetrics.Add(reading, node.LookAtPlaces());
        AddCache(reading, node.Counters, node.LookAtCache());
        AddImages(reading);
        reading.Add(MetricFamilies.LogLines, log.Warnings, "warning");
        reading.Add(MetricFamilies.LogLines, log.Errors, "error");
        AddProcess(reading, node.LookAtProcess(), node.StartedAt);
        return reading;
    }

    private void AddReads(MetricReading reading, FetchCounters counters)
    {
        reading.Add(MetricFamilies.ReadHits, counters.Hits);
        reading.Add(MetricFamilies.ReadMisses, counters.Misses);
        reading.Add(MetricFamilies.ReadErrors, counters.Failures);
        reading.Add(MetricFamilies.ReadDeadlines, counters.Deadlines);
        reading.Add(MetricFamilies.ReadBytes, counters.BytesRead);
        reading.Add(MetricFamilies.ReadWait, counters.Waits.Sum, counters.Waits.Counts(), SourceTotals.Bounds);
        ReadStatus reads = node.LookAtReads();
        reading.Add(MetricFamilies.ReadsWaiting, reads.Waiting);
        reading.Add(MetricFamilies.ReadsHung, reads.Hung);
        reading.Add(MetricFamilies.ReadLongest, node.LookAtWaits() is [{ } longest, ..] ? longest.Seconds : 0);
        DiskServerCounters kernel = node.Kernel();
        reading.Add(MetricFamilies.KernelReads, kernel.Hits, "hit");
        reading.Add(MetricFamilies.KernelReads, kernel.Misses, "miss");
        reading.Add(MetricFamilies.KernelWaiting, kernel.Fetching, "fetching");
        reading.Add(MetricFamilies.KernelWaiting, kernel.Waiting, "queued");
        reading.Add(MetricFamilies.Disks, kernel.Disks);
    }

    private static void AddFetches(MetricReading reading, FetchCounters counters, ActivitySnapshot now, PrefetchOutcome ahead)
    {
        reading.Add(MetricFamilies.Fetches, counters.Fetches);
        reading.Add(MetricFamilies.Prefetched, ahead.Fetched);
        reading.Add(MetricFamilies.PrefetchUnread, ahead.Unread);
        reading.Add(MetricFamilies.FetchRetries, counters.Retries);
        reading.Add(MetricFamilies.FetchJoins, counters.Joined);
        reading.Add(MetricFamilies.FetchMerges, counters.Merged);
        reading.Add(MetricFamilies.FetchesRunning, now.Running);
        reading.Add(MetricFamilies.FetchesQueued, now.QueuedDemand, "demand");
        reading.Add(MetricFamilies.FetchesQueued, now.QueuedPrefetch, "prefetch");
        reading.Add(MetricFamilies.FetchesQueued, now.QueuedBackground, "background");
        reading.Add(MetricFamilies.FetchMemory, now.BytesInFlight);
        reading.Add(MetricFamilies.FetchOldest, now.OldestFetch.TotalSeconds);
        reading.Add(MetricFamilies.DecodedBytes, counters.BytesDecoded);
    }

    private void AddCache(MetricReading reading, FetchCounters counters, CacheStatus cache)
    {
        reading.Add(MetricFamilies.VerificationFailures, counters.WrongBytes, "source");
        reading.Add(MetricFamilies.VerificationFailures, counters.Corruptions, "cache");
        reading.Add(MetricFamilies.CacheChecks, counters.Checks);
        reading.Add(MetricFamilies.CacheStoreFailures, counters.Unstored);
        reading.Add(MetricFamilies.CacheBytes, cache.Bytes);
        if (cache.FreeBytes is { } free) reading.Add(MetricFamilies.CacheFree, free);
        CacheCounters done = node.CountCache();
        reading.Add(MetricFamilies.CacheLimit, done.LimitBytes);
        reading.Add(MetricFamilies.CacheHeld, done.HeldBytes);
        reading.Add(MetricFamilies.CacheStored, done.StoredBytes);
        reading.Add(MetricFamilies.CacheEvicted, done.EvictedBytes);
        reading.Add(MetricFamilies.CacheEvictedChunks, done.EvictedChunks);
        reading.Add(MetricFamilies.CacheRefused, done.RefusedChunks);
        reading.Add(MetricFamilies.CacheWriteFailures, done.WriteFailures);
        reading.Add(MetricFamilies.CacheSaved, done.SharedBytes, "shared");
        reading.Add(MetricFamilies.CacheSaved, done.CopiedBytes, "copied");
    }

    private void AddImages(MetricReading reading)
    {
        ImageCounts images = node.Count(node.LookAtImages());
        reading.Add(MetricFamilies.Images, images.Known, "known");
        reading.Add(MetricFamilies.Images, images.Mounted, "mounted");
        reading.Add(MetricFamilies.Images, images.Complete, "complete");
        reading.Add(MetricFamilies.Images, images.Local, "local");
        reading.Add(MetricFamilies.ContainerDisks, images.ContainerDisks);
        DiskRequestStatus requests = node.LookAtContainerDisks();
        reading.Add(MetricFamilies.DiskRequestsWaiting, requests.Waiting);
        reading.Add(MetricFamilies.DiskRequestsHung, requests.Hung);
        reading.Add(MetricFamilies.DiskRequestLongest, requests.LongestSeconds);
    }

    private static void AddProcess(MetricReading reading, ProcessStatus process, DateTimeOffset started)
    {
        reading.Add(MetricFamilies.Mounts, process.Mounts);
        reading.Add(MetricFamilies.Loops, process.Loops);
        reading.Add(MetricFamilies.StartTime, started.ToUnixTimeMilliseconds() / 1000d);
        reading.Add(MetricFamilies.Cpu, Environment.CpuUsage.TotalTime.TotalSeconds);
        reading.Add(MetricFamilies.Resident, process.ResidentBytes);
        reading.Add(MetricFamilies.Descriptors, process.Descriptors);
        if (process.DescriptorLimit is { } limit) reading.Add(MetricFamilies.DescriptorLimit, limit);
        reading.Add(MetricFamilies.Threads, process.Threads);
        for (int generation = 0; generation <= GC.MaxGeneration; generation++)
            reading.Add(MetricFamilies.Collections, GC.CollectionCount(generation), generation.ToString(CultureInfo.InvariantCulture));
        reading.Add(MetricFamilies.GcPause, GC.GetTotalPauseDuration().TotalSeconds);
        reading.Add(MetricFamilies.GcHeap, GC.GetTotalMemory(forceFullCollection: false));
        reading.Add(MetricFamilies.GcAllocated, GC.GetTotalAllocatedBytes());
    }
}
