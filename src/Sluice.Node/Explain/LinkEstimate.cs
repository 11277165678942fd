using Sluice.Storage.Activity;

namespace Sluice.Node.Explain;

/// <summary>
/// What requests cost: <c>time = round trip + bytes / rate</c>, fitted to those of a start by least squares. Requests of one size say nothing of that: then
/// the shortest one is taken for the round trip if they are small, and for the bytes if they are large.
/// </summary>
/// <param name="RoundTrip">Null: too few requests to tell.</param>
/// <param name="Busy">Time in which at least one was under way.</param>
/// <param name="LatencyShare">Of the requests' time, what passed before their bytes came; 0 to 1.</param>
internal sealed record LinkEstimate(TimeSpan? RoundTrip, TimeSpan Busy, double LatencyShare)
{
    private const int Fewest = 4;

    /// <summary>Mean size from which requests are taken for limited by the link rather than by the way.</summary>
    private const double Large = 256 << 10;

    public static LinkEstimate Of(IReadOnlyList<FetchRecord> fetches)
    {
        TimeSpan busy = Intervals.Union(fetches.Select(fetch => (fetch.At, fetch.At + fetch.Took)));
        if (fetches.Count < Fewest) return new LinkEstimate(null, busy, fetches.Count > 0 && fetches.Average(fetch => (double)fetch.Bytes) < Large ? 1 : 0);
        double meanBytes = fetches.Average(fetch => (double)fetch.Bytes), meanTime = fetches.Average(fetch => fetch.Took.TotalSeconds), shortest = fetches.Min(fetch => fetch.Took.TotalSeconds);
        double spread = fetches.Sum(fetch => Square(fetch.Bytes - meanBytes)), together = fetches.Sum(fetch => (fetch.Bytes - meanBytes) * (fetch.Took.TotalSeconds - meanTime));
        bool sizesDiffer = Math.Sqrt(spread / fetches.Count) > meanBytes / 10;
        double roundTrip = sizesDiffer ? meanTime - (together / spread * meanBytes) : meanBytes < Large ? shortest : 0;
        roundTrip = Math.Clamp(roundTrip, 0, meanTime);
        return new LinkEstimate(TimeSpan.FromSeconds(Math.Min(roundTrip, Math.Max(shortest, roundTrip / 2))), busy, meanTime > 0 ? roundTrip / meanTime : 0);
    }

    private static double Square(double value) => value * value;
}
