namespace Sluice.Storage.Activity;

/// <summary>A read that had to wait.</summary>
/// <param name="Disk">Name of the disk.</param>
/// <param name="Offset">First byte on the disk.</param>
/// <param name="Length">Bytes.</param>
/// <param name="At">When it began.</param>
/// <param name="Waited">How long it took, so far if it has not ended.</param>
/// <param name="Failed">It ended in an error.</param>
public readonly record struct MissRecord(string Disk, long Offset, int Length, DateTimeOffset At, TimeSpan Waited, bool Failed);
