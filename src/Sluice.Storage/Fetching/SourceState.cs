namespace Sluice.Storage.Fetching;

/// <summary>What the fetcher remembers of a source. Guarded by the fetcher's lock.</summary>
internal sealed class SourceState(SourceSlots slots)
{
    public SourceSlots Slots { get; } = slots;

    /// <summary>
    /// Timestamp until which other sources are asked first. Of this source alone: a registry that lacks one image's repository
    /// may well have the next one's.
    /// </summary>
    public long PenaltyUntil { get; set; } = long.MinValue;
}
