namespace Sluice.Storage.Fetching;

/// <summary>Who waits for a fetch. Lower values go first.</summary>
public enum FetchPriority
{
    /// <summary>A container stands still until the bytes are here.</summary>
    Demand = 0,

    /// <summary>The bytes are expected to be asked for soon: read-ahead, a prefetch plan.</summary>
    Prefetch = 1,

    /// <summary>The rest of the blob, when there is nothing better to do.</summary>
    Background = 2,
}
