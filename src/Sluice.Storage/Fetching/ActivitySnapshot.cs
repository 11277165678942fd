namespace Sluice.Storage.Fetching;

/// <summary>What a <see cref="Fetcher"/> is doing at one moment.</summary>
/// <param name="QueuedDemand">Demand fetches that wait for a slot or for memory.</param>
/// <param name="QueuedPrefetch">Likewise, of prefetch priority.</param>
/// <param name="QueuedBackground">Likewise, of background priority.</param>
/// <param name="Running">Requests that sources are working on, or whose answer is being decoded.</param>
/// <param name="BytesInFlight">Compressed and decoded bytes that fetches hold.</param>
/// <param name="OldestFetch">Age of the oldest queued or running fetch.</param>
public readonly record struct ActivitySnapshot(
    int QueuedDemand, int QueuedPrefetch, int QueuedBackground, int Running, long BytesInFlight, TimeSpan OldestFetch);
