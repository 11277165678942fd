namespace Sluice.Storage.Fetching;

/// <summary>What the fetcher remembers of a source. Guarded by the fetcher's lock.</summary>
internal sealed class SourceState
{
    /// <summary>Requests it is working on.</summary>
    public int Running { get; set; }

    /// <summary>Timestamp until which other sources are asked first.</summary>
    public long PenaltyUntil { get; set; } = long.MinValue;
}
