namespace Sluice.Storage.Activity;

/// <summary>What one source has delivered since the process started, over all images.</summary>
public sealed class SourceTotals
{
    /// <summary>Upper bounds of the classes of <see cref="Latencies"/>, in seconds; the last class has none.</summary>
    public static readonly double[] Bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

    private readonly long[] _bytes = new long[FetchCauses.All.Count];
    private readonly long[] _latencies = new long[Bounds.Length + 1];
    private readonly long[] _failures = new long[SourceFailures.All.Count];
    private long _requests, _hedges, _hedgesWon, _latencyTicks;

    /// <summary>Requests that were sent to it, <see cref="Hedges"/> among them.</summary>
    public long Requests => Volatile.Read(ref _requests);

    /// <summary>Requests that it failed or did not answer in time, and answers with wrong bytes.</summary>
    public long Failures => _failures.Select((_, kind) => Volatile.Read(ref _failures[kind])).Sum();

    /// <summary>Second requests that it got because the first one, here or elsewhere, took long.</summary>
    public long Hedges => Volatile.Read(ref _hedges);

    /// <summary>Those of them that were answered first.</summary>
    public long HedgesWon => Volatile.Read(ref _hedgesWon);

    /// <summary>How long answered requests took together.</summary>
    public TimeSpan LatencySum => TimeSpan.FromTicks(Volatile.Read(ref _latencyTicks));

    /// <summary>Compressed bytes.</summary>
    public long Bytes(FetchCause cause) => Volatile.Read(ref _bytes[(int)cause]);

    /// <summary>Answered requests by how long they took; see <see cref="Bounds"/>.</summary>
    public long[] Latencies() => [.. _latencies.Select((_, index) => Volatile.Read(ref _latencies[index]))];

    internal void Add(FetchCause cause, long bytes) => Interlocked.Add(ref _bytes[(int)cause], bytes);

    internal void Answered(TimeSpan latency)
    {
        int index = 0;
        while (index < Bounds.Length && latency.TotalSeconds > Bounds[index]) index++;
        Interlocked.Increment(ref _latencies[index]);
        Interlocked.Add(ref _latencyTicks, latency.Ticks);
    }

    /// <summary>Failures of one kind.</summary>
    public long FailuresOf(SourceFailure kind) => Volatile.Read(ref _failures[(int)kind]);

    internal void Asked(bool hedge)
    {
        Interlocked.Increment(ref _requests);
        if (hedge) Interlocked.Increment(ref _hedges);
    }

    internal void HedgeWon() => Interlocked.Increment(ref _hedgesWon);

    internal void Failed(SourceFailure kind) => Interlocked.Increment(ref _failures[(int)kind]);
}
