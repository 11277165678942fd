using System.Runtime.InteropServices;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>
/// Log entries that the next flush writes. Those at the front may be in flight: they don't change until they are dropped or
/// given back, while others are added behind. A buffer of fixed size. Not thread-safe but for reading what is in flight.
/// </summary>
internal sealed class PendingLog
{
    /// <summary>512 KiB of log: also how much one flush writes at most, and so the most that a power cut can tear.</summary>
    public const int Capacity = 32_768;

    private readonly LsmtExtent[] _entries = new LsmtExtent[Capacity];
    private int _count;
    private int _inFlight;

    public bool IsFull => _count == Capacity;

    public ReadOnlySpan<byte> InFlight => MemoryMarshal.AsBytes(_entries.AsSpan(0, _inFlight));

    /// <summary>Adds an entry, or makes the last one longer. Only when not full.</summary>
    public void Add(in LsmtExtent entry)
    {
        if (_count > _inFlight)
        {
            ref LsmtExtent last = ref _entries[_count - 1];
            if (!entry.IsZeroed && !last.IsZeroed && last.End == entry.Offset && last.MappedOffset + last.Length == entry.MappedOffset
                && last.Length + entry.Length <= LsmtExtent.MaxLength)
            {
                last = new LsmtExtent(last.Offset, last.Length + entry.Length, last.MappedOffset);
                return;
            }
        }

        _entries[_count++] = entry;
    }

    /// <returns>True if there is anything in flight now.</returns>
    public bool Launch() => (_inFlight = _count) > 0;

    public void Drop()
    {
        Array.Copy(_entries, _inFlight, _entries, 0, _count - _inFlight);
        _count -= _inFlight;
        _inFlight = 0;
    }

    public void GiveBack() => _inFlight = 0;
}
