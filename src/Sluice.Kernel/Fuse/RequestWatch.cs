using System.Diagnostics.CodeAnalysis;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// One request that is being worked on, for the one who looks after deadlines: written by the thread that works, read by another. The answer may
/// come from either; the kernel takes the first and refuses the second.
/// </summary>
internal sealed class RequestWatch
{
    private long _since;
    private long _busySince;
    private ulong _unique;
    private DiskNode? _node;

    public void Begin(DiskNode node, ulong unique, long since)
    {
        Volatile.Write(ref _since, 0);
        _node = node;
        Volatile.Write(ref _unique, unique);
        Volatile.Write(ref _since, since);
        Volatile.Write(ref _busySince, since);
    }

    /// <summary>When the request came that is being worked on, in milliseconds of the machine; 0: there is none.</summary>
    public long Since => Volatile.Read(ref _since);

    /// <summary>As <see cref="Since"/>, but also when the request has been answered by somebody else, until <see cref="End"/>.</summary>
    public long BusySince => Volatile.Read(ref _busySince);

    /// <summary>It keeps nothing of the disk alive.</summary>
    public void End()
    {
        Volatile.Write(ref _since, 0);
        Volatile.Write(ref _busySince, 0);
        _node = null;
    }

    /// <summary>True, with the request, if its time has passed. Once for each request.</summary>
    public bool TryExpire(long now, out ulong unique, [NotNullWhen(true)] out DiskNode? node)
    {
        long since = Volatile.Read(ref _since);
        unique = Volatile.Read(ref _unique);
        node = _node; // null if it has ended meanwhile

        // With another request meanwhile the time would be another, too: that one has only just begun.
        return since != 0 && node is not null && node.IsOverdue(since, now) && Interlocked.CompareExchange(ref _since, 0, since) == since;
    }
}
