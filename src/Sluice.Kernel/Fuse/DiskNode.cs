using System.Security.Cryptography;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// One disk as a file of the mount. Its number serves as node id and inode number, and as file handle if it is read-only, and depends on the name
/// only, so the kernel's references stay right when another process takes over the connection.
/// </summary>
internal sealed class DiskNode
{
    public const int BlockSize = 4096;

    private readonly TaskCompletionSource _unused = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Reads in progress plus one while the disk is in the table.</summary>
    private int _uses = 1;
    private readonly Func<TimeSpan>? _deadline;
    private int _opens;

    /// <summary>How often a predecessor's opens are still open.</summary>
    private int _inherited;
    private int _failures;

    /// <param name="epoch">See <see cref="DiskHandle"/>.</param>
    /// <param name="deadline">See <see cref="Deadline"/>.</param>
    /// <param name="inheritedOpens">How often the kernel has it open already.</param>
    public DiskNode(IDisk disk, byte[] name, ulong position, bool writable, ulong epoch = 0, int inheritedOpens = 0, Func<TimeSpan>? deadline = null)
    {
        _inherited = inheritedOpens;
        _deadline = deadline;
        Disk = disk;
        Name = name;
        Number = NumberOf(name);
        Position = position;
        Length = (disk.Length + BlockSize - 1) / BlockSize * BlockSize;
        Writable = writable ? disk as IWritableDisk : null;
        Handle = Writable is null ? Number : DiskHandle.Make(position, epoch);
    }

    public IDisk Disk { get; }

    public byte[] Name { get; }

    public ulong Number { get; }

    /// <summary>Place in directory listings; never used again, so a listing goes on rightly while disks come and go.</summary>
    public ulong Position { get; }

    /// <summary>
    /// What open files are known by. Of a writable disk never used again: a file system that was unmounted but is still in use must not write to the
    /// next disk of the same name.
    /// </summary>
    public ulong Handle { get; }

    /// <summary>Size of the file: the disk's, rounded up to whole pages.</summary>
    public long Length { get; }

    /// <summary>The kernel's handle of <see cref="IDisk.CompleteFile"/>, or 0. Set once, under a lock on this node.</summary>
    public int BackingId { get; set; }

    /// <summary>How long a request may take at this time; null: the disk sees to that.</summary>
    public TimeSpan? Deadline => _deadline?.Invoke();

    /// <summary>Passthrough was refused once and is not tried again.</summary>
    public bool PassthroughRefused { get; set; }

    /// <summary>Its misses: how many are fetched and which wait. Belongs to <see cref="DiskReads"/>.</summary>
    public MissLine Misses { get; } = new();

    /// <summary>The same disk, if its file takes writes.</summary>
    public IWritableDisk? Writable { get; }

    /// <summary>FSYNC requests that wait. Belongs to <see cref="DiskFlushes"/>.</summary>
    public Queue<ulong> Flushes { get; } = new(16);

    /// <summary>Writes that wait for a flush. Belongs to <see cref="DiskFlushes"/>.</summary>
    public Queue<HeldWrite> HeldWrites { get; } = new();

    /// <summary>It waits for a thread that flushes it. Belongs to <see cref="DiskFlushes"/>.</summary>
    public bool IsInLine { get; set; }

    /// <summary>It is being flushed. Belongs to <see cref="DiskFlushes"/>.</summary>
    public bool IsFlushing { get; set; }

    /// <summary>How often the file is open. Not to be relied on for a read-only disk that was taken over.</summary>
    public int Opens => Volatile.Read(ref _opens) + Volatile.Read(ref _inherited);

    /// <summary>Completes when the disk has been removed and its last read was answered.</summary>
    public Task Unused => _unused.Task;

    /// <summary>
    /// 63 bits of the name's SHA-256, so that nobody can choose a name to meet another's number. 0 and 1 (the root) are
    /// left out.
    /// </summary>
    public static ulong NumberOf(ReadOnlySpan<byte> name)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(name, hash);
        ulong number = BitConverter.ToUInt64(hash) & long.MaxValue;
        return number <= FuseLayout.RootNode ? number + 2 : number;
    }

    /// <summary>Keeps the disk alive for a read; false when it is on its way out.</summary>
    public bool TryEnter()
    {
        int uses = Volatile.Read(ref _uses);
        while (uses > 0)
        {
            int seen = Interlocked.CompareExchange(ref _uses, uses + 1, uses);
            if (seen == uses) return true;
            uses = seen;
        }

        return false;
    }

    public void Opened() => Interlocked.Increment(ref _opens);

    /// <summary>An open has ended.</summary>
    /// <param name="handle">It was known by.</param>
    public void Closed(ulong handle)
    {
        if (handle == Handle)
        {
            Interlocked.Decrement(ref _opens);
            return;
        }

        // The predecessor may have counted a close that it had not answered, and that comes again.
        int inherited;
        while ((inherited = Volatile.Read(ref _inherited)) > 0 && Interlocked.CompareExchange(ref _inherited, inherited - 1, inherited) != inherited)
        {
        }
    }

    /// <summary>Whether an open file belongs to this disk, whoever answered its open.</summary>
    public bool IsKnownBy(ulong handle) => Writable is null ? handle == Handle : DiskHandle.IsOfOnePlace(handle, Handle);

    /// <summary>True the first time that writes end in this error: one line in the log is enough.</summary>
    public bool FirstFailure(DiskError error)
    {
        int bit = 1 << (int)error;
        return (Interlocked.Or(ref _failures, bit) & bit) == 0;
    }

    /// <summary>A request that came then has had its time.</summary>
    /// <param name="since">In milliseconds of the machine, as <paramref name="now"/>.</param>
    public bool IsOverdue(long since, long now) => Deadline is { } deadline && now - since > deadline.TotalMilliseconds;

    public void Exit()
    {
        if (Interlocked.Decrement(ref _uses) == 0) _unused.TrySetResult();
    }
}
