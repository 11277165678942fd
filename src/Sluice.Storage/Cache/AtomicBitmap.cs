namespace Sluice.Storage.Cache;

/// <summary>Bits that many threads set, clear and test without a lock.</summary>
internal sealed class AtomicBitmap(int length)
{
    private readonly ulong[] _words = new ulong[(length + 63) / 64];
    private long _count;

    public int Length { get; } = length;

    /// <summary>How many bits are set.</summary>
    public long Count => Volatile.Read(ref _count);

    public int WordCount => _words.Length;

    public bool this[int index] => (Volatile.Read(ref _words[index >> 6]) & (1UL << index)) != 0;

    public ulong Word(int index) => Volatile.Read(ref _words[index]);

    /// <returns>True if the bit was clear.</returns>
    public bool Set(int index)
    {
        ulong mask = 1UL << index;
        if ((Interlocked.Or(ref _words[index >> 6], mask) & mask) != 0) return false;
        Interlocked.Increment(ref _count);
        return true;
    }

    /// <returns>True if the bit was set.</returns>
    public bool Clear(int index)
    {
        ulong mask = 1UL << index;
        if ((Interlocked.And(ref _words[index >> 6], ~mask) & mask) == 0) return false;
        Interlocked.Decrement(ref _count);
        return true;
    }

    /// <summary>Takes all bits of another bitmap of the same length, and clears them there. Nobody else changes either meanwhile.</summary>
    public void TakeAll(AtomicBitmap other)
    {
        for (int word = 0; word < _words.Length; word++)
        {
            ulong taken = other.Word(word);
            if (taken == 0) continue;
            Interlocked.Add(ref _count, System.Numerics.BitOperations.PopCount(taken & ~Word(word)));
            Interlocked.Or(ref _words[word], taken); // first: at no moment is a bit in neither
            Interlocked.And(ref other._words[word], ~taken);
            Interlocked.Add(ref other._count, -System.Numerics.BitOperations.PopCount(taken));
        }
    }

    public void ClearAll()
    {
        for (int word = 0; word < _words.Length; word++)
        {
            ulong before = Interlocked.Exchange(ref _words[word], 0);
            Interlocked.Add(ref _count, -System.Numerics.BitOperations.PopCount(before));
        }
    }
}
