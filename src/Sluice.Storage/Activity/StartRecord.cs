namespace Sluice.Storage.Activity;

/// <summary>What <see cref="StartActivity"/> has seen. Times are after <paramref name="Began"/>.</summary>
/// <param name="Began">When the mount began.</param>
/// <param name="Misses">Reads that waited and have ended, in the order in which they ended; the first ones.</param>
/// <param name="Fetches">Requests that were answered; the first ones.</param>
/// <param name="MoreMisses">Misses that found no room.</param>
/// <param name="Decoding">Time that decoding, checking and storing took, together.</param>
/// <param name="Failures">Requests that failed or were not answered in time.</param>
/// <param name="LastFailure">What went wrong the last time.</param>
/// <param name="Totals">What was done for the image in the start.</param>
/// <param name="IsOver">The start's time is over: nothing is added any more.</param>
public sealed record StartRecord(
    DateTimeOffset Began, IReadOnlyList<MissRecord> Misses, IReadOnlyList<FetchRecord> Fetches, long MoreMisses, TimeSpan Decoding, long Failures, string? LastFailure, ActivityTotals Totals, bool IsOver);
