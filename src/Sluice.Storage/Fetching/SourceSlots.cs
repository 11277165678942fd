namespace Sluice.Storage.Fetching;

/// <summary>What sources of one name share: each image has a source of its own for the same registry. Guarded by the fetcher's lock.</summary>
internal sealed class SourceSlots
{
    /// <summary>Requests they are working on together.</summary>
    public int Running { get; set; }
}
