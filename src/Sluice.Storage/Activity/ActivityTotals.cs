namespace Sluice.Storage.Activity;

/// <summary>What was done for one image until one moment. Each value only grows.</summary>
/// <param name="At">The moment.</param>
/// <param name="Hits">Reads that were answered from local bytes. Reads that the kernel answers by itself, from its page cache or from complete files, don't arrive here.</param>
/// <param name="Misses">Reads that had to wait for a fetch or a check.</param>
/// <param name="Waited">How long they waited, together; reads that wait side by side count each.</param>
/// <param name="Errors">Reads that ended in an error.</param>
/// <param name="Fetches">Requests to sources.</param>
/// <param name="WrongUnits">Parts that a source delivered and that did not decode or had another digest.</param>
/// <param name="Bytes">Compressed bytes that sources delivered, by <see cref="FetchCause"/>.</param>
/// <param name="Sources">Compressed bytes by the name of the source.</param>
public sealed record ActivityTotals(
    DateTimeOffset At, long Hits, long Misses, TimeSpan Waited, long Errors, long Fetches, long WrongUnits, IReadOnlyList<long> Bytes, IReadOnlyDictionary<string, long> Sources)
{
    /// <summary>Compressed bytes that sources delivered.</summary>
    public long BytesFetched => Bytes.Sum();

    /// <summary>What came after an earlier moment.</summary>
    public ActivityTotals Since(ActivityTotals earlier) => new(
        At, Hits - earlier.Hits, Misses - earlier.Misses, Waited - earlier.Waited, Errors - earlier.Errors, Fetches - earlier.Fetches, WrongUnits - earlier.WrongUnits,
        [.. Bytes.Zip(earlier.Bytes, (now, then) => now - then)],
        Sources.Select(source => KeyValuePair.Create(source.Key, source.Value - earlier.Sources.GetValueOrDefault(source.Key))).Where(source => source.Value > 0).ToDictionary(StringComparer.Ordinal));
}
