using Sluice.Kernel.Mounts;

namespace Sluice.Kernel.Fuse;

/// <summary>How to serve disks.</summary>
public sealed record DiskServerOptions
{
    /// <summary>Absolute path of the directory to mount on; made if missing. A mount left over there is detached first.</summary>
    public required string MountPoint { get; init; }

    /// <summary>Where it is mounted, if that is not this process's namespace, in which it must be seen then, too. The caller's.</summary>
    public MountNamespace? Namespace { get; init; }

    /// <summary>What the mount table calls the mount.</summary>
    public string Source { get; init; } = "sluice";

    /// <summary>Threads that read requests, 1 to 64. 2 to 4 saturate the connection.</summary>
    public int Threads { get; init; } = Math.Clamp(Environment.ProcessorCount, 2, 4);

    /// <summary>Misses fetched at the same time. Each may hold a native buffer of up to 1 MiB; further misses wait in line.</summary>
    public int PendingReads { get; init; } = 128;

    /// <summary>Of these, the most that one disk may have: a disk whose source hangs leaves places for the others.</summary>
    public int PendingReadsPerDisk { get; init; } = 32;

    /// <summary>Misses that may wait in line; beyond that the kernel queues, and hits wait too.</summary>
    public int WaitingReads { get; init; } = 16384;

    /// <summary>
    /// Disks that take writes get them (<see cref="Storage.Disks.IWritableDisk"/>). For a server of their own: a full or slow local disk that
    /// holds up its threads must not hold up those that serve images.
    /// </summary>
    public bool Writable { get; init; }

    /// <summary>Threads that flush writable disks, 1 to 16.</summary>
    public int FlushThreads { get; init; } = 4;

    /// <summary>Let the kernel read complete disks by itself where it can.</summary>
    public bool Passthrough { get; init; } = true;

    /// <summary>How often requests are looked at whose disks have a deadline: they may take so much longer.</summary>
    public TimeSpan DeadlinePeriod { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Told the name of a disk and the kernel's handle of its file, before anything is opened with it; by a thread that serves, so it should not
    /// take long. What it throws keeps the file from being used. For whoever describes the server to a successor.
    /// </summary>
    public Action<string, int>? BackingRegistered { get; init; }

    /// <summary>How long an unmount may take at disposal before the connection is aborted (readers of mounts on it then get EIO).</summary>
    public TimeSpan UnmountDeadline { get; init; } = TimeSpan.FromSeconds(2);
}

/// <summary>A connection that another process opened, with what it knew about it.</summary>
/// <param name="Descriptor">Owned by the new server from now on.</param>
/// <param name="Session">From the predecessor's <see cref="DiskServer.Session"/>.</param>
/// <param name="Epoch">How often the connection was taken over, this time included.</param>
public sealed record AdoptedConnection(FuseDescriptor Descriptor, FuseSession Session, int Epoch = 1);

/// <summary>A disk as a predecessor served it.</summary>
/// <param name="Place">From <see cref="DiskServer.PlaceOf"/>; 0: any, for a read-only disk.</param>
/// <param name="BackingId">From <see cref="DiskServer.BackingIds"/>; 0: none.</param>
/// <param name="Opens">How often the kernel has its file open, as far as one can see; matters for writable disks.</param>
public sealed record AdoptedDisk(Storage.Disks.IDisk Disk, ulong Place = 0, int BackingId = 0, int Opens = 0)
{
    /// <summary>See <see cref="DiskServer.Add"/>.</summary>
    public Func<TimeSpan>? Deadline { get; init; }
}
