using Sluice.Storage.Activity;
using Sluice.Storage.Fetching;
using Sluice.Storage.Sources.Places;

namespace Sluice.Node.Status;

/// <summary>How one source does, and what it has done since the start.</summary>
/// <param name="Name">E.g. <c>registry docker.io</c>.</param>
/// <param name="State"><c>healthy</c>, <c>resting</c> (it failed, and is asked last) or <c>held_back</c> (it asked for a pause).</param>
/// <param name="StateLeftSeconds">How long the state lasts if nothing happens; 0 when healthy.</param>
/// <param name="FailuresInARow">Failures since it last delivered; those within one rest count once.</param>
/// <param name="Running">Requests of reads that it is working on.</param>
/// <param name="Bytes">Compressed bytes that it delivered.</param>
/// <param name="Requests">Requests that were sent to it, <paramref name="Hedges"/> among them.</param>
/// <param name="Answered">Requests that it answered.</param>
/// <param name="Failures">Requests that it failed or did not answer in time, and wrong answers.</param>
/// <param name="FailuresByKind">Likewise; kinds that never happened are left out.</param>
/// <param name="Hedges">Second requests that it got because a first one, here or elsewhere, took long.</param>
/// <param name="HedgesWon">Of these, those that were answered first.</param>
/// <param name="MeanSeconds">Mean time of answered requests; null if there were none.</param>
/// <param name="SlowSeconds">95 of 100 of its latest short requests took no longer; null: too few to say.</param>
/// <param name="Pauses">How often it asked for a pause.</param>
/// <param name="PausedSeconds">How long these pauses have lasted together.</param>
/// <param name="DistrustedBlobs">Blobs of which it delivered wrong bytes lately.</param>
public sealed record SourceStatus(
    string Name, string State, double StateLeftSeconds, int FailuresInARow, int Running, long Bytes, long Requests, long Answered, long Failures,
    IReadOnlyDictionary<string, long> FailuresByKind, long Hedges, long HedgesWon, double? MeanSeconds, double? SlowSeconds, long Pauses, double PausedSeconds, int DistrustedBlobs)
{
    internal static SourceStatus Of(SourceReport source)
    {
        (PlaceHealth health, SourceTotals totals) = source;
        long answered = totals.Latencies().Sum();
        return new SourceStatus(
            health.Name, health.State.Name(), Seconds(health.Left), health.Failures, health.Running, FetchCauses.All.Sum(totals.Bytes), totals.Requests, answered, totals.Failures,
            SourceFailures.All.Where(kind => totals.FailuresOf(kind) > 0).ToDictionary(kind => kind.Name(), totals.FailuresOf), totals.Hedges, totals.HedgesWon,
            answered == 0 ? null : Math.Round(totals.LatencySum.TotalSeconds / answered, 6), health.Latency is { } slow ? Math.Round(slow.TotalSeconds, 6) : null,
            health.Pauses, Seconds(health.Paused), health.Distrusted);
    }

    private static double Seconds(TimeSpan span) => Math.Round(span.TotalSeconds, 3);
}
