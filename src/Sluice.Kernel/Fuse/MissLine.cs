namespace Sluice.Kernel.Fuse;

/// <summary>The misses of one disk. Guarded by the lock of <see cref="DiskReads"/>.</summary>
internal sealed class MissLine
{
    /// <summary>Those that wait for a place, in order of arrival.</summary>
    public Queue<ReadRequest> Waiting { get; } = [];

    /// <summary>How many are being fetched.</summary>
    public int Fetching { get; set; }

    /// <summary>It is among the disks that take the next free place in turn.</summary>
    public bool InTurn { get; set; }
}
