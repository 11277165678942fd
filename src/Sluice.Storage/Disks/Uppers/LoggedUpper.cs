using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>What both kinds share: a data file, a log of entries that a flush writes behind the data, and an index in memory.</summary>
/// <remarks>Locks are taken in the order flushing, writing, index; the last one is held for no I/O.</remarks>
public abstract partial class LoggedUpper : IUpper
{
    private protected const int SectorSize = LsmtExtent.SectorSize;

    /// <summary>Sectors of the header in front of the data.</summary>
    private protected const int HeaderSectors = LsmtHeader.Size / SectorSize;

    private const int MaxWrite = 4 << 20;

    /// <summary>Entries of the log's buffer for those who asked <see cref="MayWait"/> and write now: one or two each, or some hundred for a long discard.</summary>
    private const int Reserve = 256, ReserveOfLong = PendingLog.Capacity / 2;

    private const long LongOperation = 8 << 20;

    private readonly Lock _flushing = new();
    private readonly Lock _writing = new();
    private readonly Lock _lookup = new();
    private readonly PendingLog _pending;
    private readonly LsmtMutableIndex _index;
    private long _logEnd;
    private long _virtualSize;
    private bool _failed;
    private bool _disposed;

    private protected LoggedUpper(IUpperFile data, IUpperFile log, LsmtHeader header, UpperState state, PendingFile? pending)
    {
        (Data, Log, Header) = (data, log, header);
        _pending = new PendingLog(pending);
        (_index, _logEnd) = (state.Index, state.LogEnd);
        _virtualSize = Math.Max(header.VirtualSize, state.VirtualSize);
    }

    public LsmtHeader Header { get; }

    public long VirtualSize => Volatile.Read(ref _virtualSize);

    public int ExtentCount
    {
        get
        {
            lock (_lookup) return _index.Count;
        }
    }

    private protected IUpperFile Data { get; }

    private protected IUpperFile Log { get; }

    /// <summary>True once it takes no more writes: what it has is durable and will not change.</summary>
    public bool IsSealed { get; private protected set; }

    /// <summary>True when a flush soon would keep writes from waiting for one later.</summary>
    internal bool WantsFlush => _pending.Count > PendingLog.Capacity / 2;

    /// <inheritdoc cref="IWritableDisk.MayWait"/>
    internal bool MayWait(long length) => _pending.Count > PendingLog.Capacity - (length > LongOperation ? ReserveOfLong : Reserve);

    /// <summary>A write failed half way: the data file may hold sectors that no entry knows.</summary>
    private protected bool HasTorn { get; private set; }

    public UpperError Write(long offset, ReadOnlySpan<byte> data)
    {
        if (!IsRange(offset, data.Length)) return UpperError.Invalid;
        while (!data.IsEmpty)
        {
            ReadOnlySpan<byte> piece = data[..Math.Min(data.Length, MaxWrite)];
            UpperError error;
            do error = TryWrite(offset, piece);
            while (MakeRoom(ref error));
            if (error != UpperError.None) return error;
            offset += piece.Length;
            data = data[piece.Length..];
        }

        return UpperError.None;
    }

    public UpperError Discard(long offset, long length)
    {
        if (!IsRange(offset, length)) return UpperError.Invalid;
        for (long sector = offset / SectorSize, end = (offset + length) / SectorSize; sector < end;)
        {
            int count = (int)Math.Min(end - sector, LsmtExtent.MaxLength);
            UpperError error;
            do error = TryDiscard(sector, count);
            while (MakeRoom(ref error));
            if (error != UpperError.None) return error;
            sector += count;
        }

        return UpperError.None;
    }

    public UpperError Flush()
    {
        lock (_flushing) return FlushWhileLocked();
    }

    public int Lookup(long sector, long count, Span<LsmtExtent> extents)
    {
        lock (_lookup) return _index.Lookup(sector, count, extents);
    }

    public UpperError Read(in LsmtExtent extent, Span<byte> destination) =>
        destination.Length == extent.Length * SectorSize ? Read(extent, 0, destination) : UpperError.Invalid;

    /// <summary>Reads a part of what a lookup found.</summary>
    /// <param name="skipped">Bytes of the extent in front of it.</param>
    internal UpperError Read(in LsmtExtent extent, int skipped, Span<byte> destination)
    {
        if (!extent.IsZeroed) return Data.Read((extent.MappedOffset * SectorSize) + skipped, destination);
        destination.Clear();
        return UpperError.None;
    }

    public void Dispose()
    {
        lock (_flushing)
        {
            if (_disposed) return;
            if (!IsSealed && FlushWhileLocked() == UpperError.None && !HasTorn) Close();

            // A commit may be copying.
            lock (_writing)
            {
                _disposed = true;
                Data.Dispose();
                Log.Dispose();
                _pending.Dispose();
                lock (_lookup) _index.Clear();
            }
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Where a write of sectors goes in the data file, in sectors.</summary>
    private protected abstract long Place(long sector);

    /// <summary>The write was done there.</summary>
    private protected abstract void Placed(long mapped, int count);

    /// <summary>Gives up the space of discarded sectors, if the kind can.</summary>
    private protected abstract UpperError Release(long sector, int count);

    /// <summary>What a discard's entry names as its place: anything within the data.</summary>
    private protected abstract long ZeroedPlace { get; }

    /// <summary>Writes to sectors that are data already need no entry.</summary>
    private protected abstract bool InPlace { get; }

    /// <summary>Everything is flushed and the files are about to be closed.</summary>
    private protected virtual void Close()
    {
    }

    private static bool IsRange(long offset, long length) =>
        ((offset | length) & (SectorSize - 1)) == 0 && offset >= 0 && length >= 0 && length <= LsmtLimits.MaxVirtualSize && offset <= LsmtLimits.MaxVirtualSize - length;

    private UpperError TryWrite(long offset, ReadOnlySpan<byte> data)
    {
        lock (_writing)
        {
            if (CheckWritable() is var refusal and not UpperError.None) return refusal;
            int count = data.Length / SectorSize;
            long mapped = Place(offset / SectorSize);
            UpperError error = Data.Write(mapped * SectorSize, data);
            if (error != UpperError.None)
            {
                HasTorn = true;
                return error;
            }

            Placed(mapped, count);
            Record(new LsmtExtent(offset / SectorSize, count, mapped));
            if (offset + data.Length > _virtualSize) Volatile.Write(ref _virtualSize, offset + data.Length);
            return UpperError.None;
        }
    }

    private UpperError TryDiscard(long sector, int count)
    {
        lock (_writing)
        {
            if (CheckWritable() is var refusal and not UpperError.None) return refusal;
            UpperError error = Release(sector, count);
            if (error == UpperError.None) Record(new LsmtExtent(sector, count, ZeroedPlace, zeroed: true));
            return error;
        }
    }

    private UpperError CheckWritable()
    {
        if (IsSealed) return UpperError.ReadOnly;
        if (_failed || _disposed) return UpperError.InputOutput;

        // One insertion adds two extents at most. Invalid stands for "make room": arguments were checked before.
        if (_index.Count > LsmtLimits.MaxLogEntries - 2) return UpperError.NoSpace;
        return _pending.IsFull ? UpperError.Invalid : UpperError.None;
    }

    /// <summary>True if the operation was refused because the log's buffer is full, and may be repeated now.</summary>
    private bool MakeRoom(ref UpperError error)
    {
        if (error != UpperError.Invalid) return false;
        error = Flush();
        return error == UpperError.None;
    }

    private void Record(in LsmtExtent entry)
    {
        lock (_lookup)
        {
            if (InPlace && IsKnown(entry)) return;
            _index.Insert(entry);
        }

        _pending.Add(entry);
    }

    /// <summary>The index says the same about all of these sectors. May miss it when they lie in several extents.</summary>
    private bool IsKnown(in LsmtExtent entry)
    {
        Span<LsmtExtent> found = stackalloc LsmtExtent[1];
        return _index.Lookup(entry.Offset, entry.Length, found) == 1 && found[0].Length == entry.Length && found[0].IsZeroed == entry.IsZeroed;
    }

    private UpperError FlushWhileLocked()
    {
        bool any;
        lock (_writing)
        {
            if (IsSealed) return UpperError.None;
            if (_failed || _disposed) return UpperError.InputOutput;
            any = _pending.Launch();
        }

        UpperError error = Data.Sync();
        if (error == UpperError.None && any)
        {
            error = Log.Write(_logEnd, _pending.InFlight);
            if (error == UpperError.None && !_pending.InFlightRest.IsEmpty) error = Log.Write(_logEnd + _pending.InFlight.Length, _pending.InFlightRest);
            if (error == UpperError.None) error = Log.Sync();
        }
        else if (error != UpperError.None)
        {
            lock (_writing) _failed = true;
            _pending.Invalidate();
        }

        lock (_writing)
        {
            if (error == UpperError.None)
            {
                _logEnd += _pending.InFlight.Length + _pending.InFlightRest.Length;
                _pending.Drop();
            }
            else
            {
                _pending.GiveBack();
            }
        }

        return error;
    }
}
