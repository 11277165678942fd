using Sluice.Storage.Activity;

namespace Sluice.Node.Explain;

/// <summary>
/// Makes a time line and reasons of what was seen of a start. A start ends with the last read that waited before nothing waited for <see cref="Idle"/>; what
/// waits later belongs to the work of the container.
/// </summary>
internal sealed class StartAnalysis
{
    /// <summary>Nothing waits for so long: the start is over.</summary>
    public static readonly TimeSpan Idle = TimeSpan.FromSeconds(3);

    /// <summary>What lies longer before the mount was another day: a pull, not this start.</summary>
    private static readonly TimeSpan Together = TimeSpan.FromSeconds(5);

    private readonly List<StartStage> _stages = [];
    private readonly StartRecord _record;

    /// <param name="steps">When each <see cref="ImageStep"/> happened last; null: not in this process.</param>
    public StartAnalysis(StartRecord record, Func<ImageStep, DateTimeOffset?> steps, DateTimeOffset? firstRead)
    {
        _record = record;
        (DateTimeOffset? asked, DateTimeOffset? here, DateTimeOffset mountBegan) = (steps(ImageStep.Asked), steps(ImageStep.MetadataHere), record.Began);
        bool together = asked is not null && here >= asked && mountBegan >= asked && mountBegan - here < Together;
        At = together ? asked!.Value : mountBegan;
        if (together) Add("metadata", asked!.Value, here!.Value);
        if (steps(ImageStep.Mounted) is { } mounted)
        {
            Add("mount", mountBegan, mounted);
            if (firstRead > mounted) Add("container", mounted, firstRead.Value);
        }

        Misses = UntilIdle(record.Misses);
        if (firstRead is { } first && Misses.Count > 0) Add("reads", first < Misses[0].At ? first : Misses[0].At, Misses.Max(miss => miss.At + miss.Waited));
        Waited = Intervals.Union(Misses.Select(miss => (miss.At - At, miss.At - At + miss.Waited)));
        TimeSpan end = TimeSpan.FromSeconds(_stages.Count == 0 ? 0 : _stages.Max(stage => stage.At + stage.Seconds)), offset = mountBegan - At;
        Fetches = [.. record.Fetches.Where(fetch => fetch.At + offset <= end)];
        Link = LinkEstimate.Of(Fetches);
    }

    public DateTimeOffset At { get; }

    public IReadOnlyList<StartStage> Stages => _stages;

    public double Seconds => _stages.Count == 0 ? 0 : _stages.Max(stage => stage.At + stage.Seconds);

    /// <summary>Of the start, in order.</summary>
    public IReadOnlyList<MissRecord> Misses { get; }

    public IReadOnlyList<FetchRecord> Fetches { get; }

    public TimeSpan Waited { get; }

    public LinkEstimate Link { get; }

    /// <summary>Bytes a second while requests were under way; null: there were none.</summary>
    public double? Rate => Link.Busy > TimeSpan.Zero ? Fetches.Sum(fetch => (double)fetch.Bytes) / Link.Busy.TotalSeconds : null;

    /// <summary>Why it took its time, the worst first.</summary>
    public IReadOnlyList<SlowReason> Reasons()
    {
        List<SlowReason> reasons = [];
        double waited = Waited.TotalSeconds, decoding = _record.Decoding.TotalSeconds;
        double slow = Intervals.Union(Misses.Where(miss => miss.Failed || miss.Waited > TimeSpan.FromSeconds(1)).Select(miss => (miss.At - At, miss.At - At + miss.Waited))).TotalSeconds;
        if (_record.Failures > 0)
        {
            reasons.Add(new SlowReason(
                "source-errors", slow, $"{_record.Failures} request{(_record.Failures == 1 ? "" : "s")} failed or were not answered in time, and reads waited for others; the last: {_record.LastFailure}",
                "sluice doctor; and a second host in hosts.toml, that is asked when one fails"));
        }

        if (Misses.Count(miss => miss.Failed) is > 0 and var failed)
            reasons.Add(new SlowReason("read-errors", slow, $"{failed} read{(failed == 1 ? "" : "s")} ended in an error: a deadline passed, or no source had right bytes", "sluice doctor; the daemon's log names sources and reasons"));
        double rest = Math.Max(waited - (_record.Failures > 0 ? slow : 0), 0);
        if (decoding > rest * 0.4 && rest > 0)
        {
            double bound = Math.Min(decoding, rest);
            rest -= bound;
            reasons.Add(new SlowReason("decode-bound", bound, $"decompression and checks took {Seconds3(decoding)}", "give the daemon more processor time; or sluice convert --compressor lz4_block (RAFS), lz4 (block images)"));
        }

        if (Fetches.Count > 0)
        {
            (double latency, double transfer) = (rest * Link.LatencyShare, rest * (1 - Link.LatencyShare));
            string trip = Link.RoundTrip is { } roundTrip ? $", each {roundTrip.TotalMilliseconds:0} ms before its first byte" : "";
            reasons.Add(new SlowReason("latency-bound", latency, $"{Fetches.Count} requests{trip}", "a registry or mirror nearby (hosts.toml)"));
            reasons.Add(new SlowReason("link-bound", transfer, $"{Fetches.Sum(fetch => (long)fetch.Bytes) / 1e6:0.0} MB came at {(Rate ?? 0) / 1e6:0.0} MB/s", "a registry or mirror nearby (hosts.toml); a smaller image, or one that reads less at its start"));
        }

        AddStage(reasons, "metadata", "metadata-bound", "the image's metadata had to be downloaded before anything could be mounted", "pull before the start: sluice pull IMAGE; a registry or mirror nearby");
        AddStage(reasons, "mount", "mount-bound", "opening the disks and mounting took its time", "a faster disk below the root; sluice doctor");
        double own = Math.Max(Seconds - waited - reasons.Where(reason => reason.Id is "metadata-bound" or "mount-bound").Sum(reason => reason.Seconds ?? 0), 0);
        reasons.Add(new SlowReason("container", own, "nothing waited for data: the container's own work, and what prepares it", null));
        double least = Seconds / 20;
        return [.. reasons.Where(reason => reason.Seconds >= least || reason.Id is "read-errors" or "source-errors").OrderByDescending(reason => reason.Seconds)];
    }

    private static string Seconds3(double seconds) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{seconds:0.000} s");

    private static IReadOnlyList<MissRecord> UntilIdle(IEnumerable<MissRecord> misses)
    {
        List<MissRecord> start = [];
        DateTimeOffset busyUntil = DateTimeOffset.MaxValue;
        foreach (MissRecord miss in misses.OrderBy(miss => miss.At))
        {
            if (start.Count > 0 && miss.At - busyUntil > Idle) break;
            DateTimeOffset end = miss.At + miss.Waited;
            if (start.Count == 0 || end > busyUntil) busyUntil = end;
            start.Add(miss);
        }

        return start;
    }

    private void Add(string name, DateTimeOffset from, DateTimeOffset to) => _stages.Add(new StartStage(name, Round(from - At), Round(to - from)));

    private void AddStage(List<SlowReason> reasons, string stage, string id, string what, string mend)
    {
        if (_stages.Find(known => known.Name == stage) is { } found) reasons.Add(new SlowReason(id, found.Seconds, what, mend));
    }

    private static double Round(TimeSpan span) => Math.Round(Math.Max(span.TotalSeconds, 0), 4);
}
