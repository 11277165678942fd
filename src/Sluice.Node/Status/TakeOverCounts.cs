namespace Sluice.Node.Status;

/// <summary>How often a daemon has taken over what an earlier one had mounted, since the machine was started, by how that one had ended.</summary>
/// <param name="Killed">Without a word: killed, or crashed.</param>
/// <param name="Stopped">By SIGTERM, as at a restart of the service.</param>
/// <param name="Upgraded">For its successor (<c>sluice upgrade</c>).</param>
public sealed record TakeOverCounts(long Killed, long Stopped, long Upgraded);
