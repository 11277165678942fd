using System.Numerics;

namespace Sluice.Formats.Erofs;

/// <summary>
/// Hands out places in the meta area, always forward, except that the rests of blocks which had to be skipped are filled
/// later with whatever fits. Sizes are rounded up to 32-byte slots. Same calls, same places.
/// </summary>
internal sealed class SlotAllocator(long start, int blockSize)
{
    private const int Slot = ErofsLayout.SlotSize;

    /// <summary>Rests by their number of slots; a bit of <see cref="_used"/> tells which stacks hold something.</summary>
    private readonly Stack<long>?[] _rests = new Stack<long>?[blockSize / Slot];

    private UInt128 _used;

    /// <summary>End of what was handed out.</summary>
    public long End { get; private set; } = start;

    /// <summary>A place that may cross blocks.</summary>
    public long Place(long size)
    {
        long slots = (size + Slot - 1) / Slot;
        if (TryTakeRest(slots, out long offset)) return offset;
        offset = End;
        End += slots * Slot;
        return offset;
    }

    /// <summary>A place within one block, for inodes with inline data.</summary>
    public long PlaceInOneBlock(int size)
    {
        long slots = (size + Slot - 1) / Slot;
        if (TryTakeRest(slots, out long offset)) return offset;
        long rest = -End & (blockSize - 1);
        if (rest < slots * Slot) SkipRest(rest);
        offset = End;
        End += slots * Slot;
        return offset;
    }

    /// <summary>Whole blocks.</summary>
    public long PlaceBlocks(long size)
    {
        SkipRest(-End & (blockSize - 1));
        long offset = End;
        End += ErofsLayout.AlignUp(size, blockSize);
        return offset;
    }

    private void SkipRest(long rest)
    {
        KeepRest(End, rest / Slot);
        End += rest;
    }

    private bool TryTakeRest(long slots, out long offset)
    {
        offset = 0;
        if (slots >= _rests.Length) return false;
        UInt128 fitting = _used >> (int)slots << (int)slots;
        if (fitting == 0) return false;
        int found = (int)UInt128.TrailingZeroCount(fitting);
        Stack<long> stack = _rests[found]!;
        offset = stack.Pop();
        if (stack.Count == 0) _used &= ~(UInt128.One << found);
        KeepRest(offset + (slots * Slot), found - slots);
        return true;
    }

    private void KeepRest(long offset, long slots)
    {
        if (slots == 0) return;
        (_rests[slots] ??= new Stack<long>()).Push(offset);
        _used |= UInt128.One << (int)slots;
    }
}
