namespace Sluice.Storage.Traces;

/// <summary>What was fetched ahead of a start, and what of it was of no use for that.</summary>
/// <param name="Fetched">Blob space bytes of chunks that came because the plan asked for them.</param>
/// <param name="Unread">Of these, the ones that nobody had read when the start was over.</param>
public sealed record PrefetchOutcome(long Fetched, long Unread);
