using System.Runtime.InteropServices;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>
/// Log entries that the next flush writes: a ring of fixed size, in native memory or in a <see cref="PendingFile"/>. The oldest may be in
/// flight: they don't change until they are dropped or given back, while others are added behind. Not thread-safe but for reading what
/// is in flight.
/// </summary>
internal sealed unsafe class PendingLog : IDisposable
{
    /// <summary>512 KiB of log: also how much one flush writes at most, and so the most that a power cut can tear.</summary>
    public const int Capacity = 32_768;

    public const int Bytes = Capacity * LsmtExtent.Bytes;

    private readonly PendingFile? _file;
    private readonly LsmtExtent* _ring;

    /// <summary>Entries dropped and entries added since the beginning; what lies between them is pending. One store makes each step.</summary>
    private readonly long* _head;

    private readonly long* _tail;
    private long _launched;
    private bool _invalid;

    /// <param name="file">Where the entries live, and survive this process; owned from now on. Null: in memory.</param>
    public PendingLog(PendingFile? file = null)
    {
        _file = file;
        _ring = file is null ? (LsmtExtent*)NativeMemory.AlignedAlloc(Bytes + 16, 16) : file.Ring;
        _head = file is null ? (long*)((byte*)_ring + Bytes) : file.Head;
        _tail = file is null ? _head + 1 : file.Tail;
        if (file is null) (*_head, *_tail) = (0, 0);
    }

    public int Count => (int)(*_tail - *_head);

    public bool IsFull => Count == Capacity;

    /// <summary>What is in flight, in two parts where it goes around the ring's end.</summary>
    public ReadOnlySpan<byte> InFlight => Part(*_head, Math.Min(_launched, RingEnd));

    public ReadOnlySpan<byte> InFlightRest => Part(Math.Min(_launched, RingEnd), _launched);

    private long RingEnd => *_head - Slot(*_head) + Capacity;

    /// <summary>Adds an entry, or makes the last one longer. Only when not full.</summary>
    public void Add(in LsmtExtent entry)
    {
        long tail = *_tail;
        if (tail > Math.Max(_launched, *_head))
        {
            ref LsmtExtent last = ref _ring[Slot(tail - 1)];
            if (!entry.IsZeroed && !last.IsZeroed && last.End == entry.Offset && last.MappedOffset + last.Length == entry.MappedOffset
                && last.Length + entry.Length <= LsmtExtent.MaxLength)
            {
                // Only the word with the length changes: a kill finds the old entry or the new one.
                last = new LsmtExtent(last.Offset, last.Length + entry.Length, last.MappedOffset);
                return;
            }
        }

        _ring[Slot(tail)] = entry;
        Volatile.Write(ref *_tail, tail + 1);
    }

    /// <returns>True if there is anything in flight now.</returns>
    public bool Launch() => (_launched = *_tail) > *_head;

    public void Drop() => Volatile.Write(ref *_head, _launched);

    public void GiveBack() => _launched = *_head;

    /// <summary>What is pending is not to be believed any more: it names data that was lost.</summary>
    public void Invalidate()
    {
        _invalid = true;
        _file?.Invalidate();
    }

    /// <summary>Gives the memory back; the file goes, too, if nothing is pending.</summary>
    public void Dispose()
    {
        if (_file is null) NativeMemory.AlignedFree(_ring);
        else if (Count == 0 || _invalid) _file.Delete();
        _file?.Dispose();
    }

    private static int Slot(long number) => (int)(number & (Capacity - 1));

    private ReadOnlySpan<byte> Part(long from, long to) => MemoryMarshal.AsBytes(new ReadOnlySpan<LsmtExtent>(_ring + Slot(from), (int)(to - from)));
}
