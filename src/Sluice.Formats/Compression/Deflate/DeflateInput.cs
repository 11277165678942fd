using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Formats.Compression.Deflate;

/// <summary>
/// Compressed bytes as they come, taken bit by bit. <see cref="Position"/> runs ahead by the bytes that are in <see cref="Bits"/>. Until
/// <see cref="End"/> some bytes are kept back, so that nobody has to look where the input ends; then zeros follow.
/// </summary>
internal sealed unsafe class DeflateInput : IDisposable
{
    /// <summary>Bytes that one step of the decoder may run ahead.</summary>
    private const int Ahead = 40;

    /// <summary>No block header is longer: 3 + 14 + 19 × 3 bits, then 316 codes of at most 7 + 7 bits.</summary>
    private const int MaxHeader = 600;

    private const int Capacity = (64 << 10) + MaxHeader;

    private byte* _start = (byte*)NativeMemory.Alloc(Capacity + (2 * Ahead));
    private byte* _end;
    private bool _complete;

    public DeflateInput() => Position = _end = _start;

    public byte* Position { get; set; }

    public ulong Bits { get; set; }

    /// <summary>Valid bits of <see cref="Bits"/>; above them may be more of the same input.</summary>
    public int BitCount { get; set; }

    /// <summary>The decoder's steps may begin below this.</summary>
    public byte* Limit => _complete ? _end + sizeof(ulong) : _end - Ahead;

    /// <summary>Whether a block header is here as a whole, or as much of it as will ever be.</summary>
    public bool HasHeader => _complete || Left >= MaxHeader;

    /// <summary>More was taken than there is: the input was cut off.</summary>
    public bool IsOverrun => Left < 0;

    /// <summary>Whole bytes that are not used yet.</summary>
    public long Left => _end - Position + (BitCount >> 3);

    /// <summary>All of them, if the input stands between two bytes.</summary>
    public ReadOnlySpan<byte> Rest
    {
        get
        {
            Align();
            return Left > 0 ? new ReadOnlySpan<byte>(Position, (int)Left) : default;
        }
    }

    /// <summary>Takes as much as there is room for.</summary>
    public int Add(ReadOnlySpan<byte> bytes)
    {
        // Whoever goes back to the last byte that is in use needs those that were taken into the bits.
        byte* keep = Position - Math.Min(sizeof(ulong), Position - _start);
        if (keep > _start && bytes.Length > Capacity - (_end - _start))
        {
            Buffer.MemoryCopy(keep, _start, Capacity, _end - keep);
            Position -= keep - _start;
            _end -= keep - _start;
        }

        int count = (int)Math.Min(bytes.Length, Capacity - (_end - _start));
        bytes[..count].CopyTo(new Span<byte>(_end, count));
        _end += count;
        return count;
    }

    /// <summary>Nothing follows.</summary>
    public void End()
    {
        if (_complete) return;
        _complete = true;
        new Span<byte>(_end, 2 * Ahead).Clear();
    }

    /// <summary>Up to 16 bits.</summary>
    public uint Peek(int count)
    {
        if (BitCount < count) Refill();
        return (uint)Bits & ((1u << count) - 1);
    }

    public void Drop(int count)
    {
        Bits >>= count;
        BitCount -= count;
    }

    public uint Take(int count)
    {
        uint value = Peek(count);
        Drop(count);
        return value;
    }

    /// <summary>Goes on at the next whole byte.</summary>
    public void Align()
    {
        Position -= BitCount >> 3;
        Bits = 0;
        BitCount = 0;
    }

    /// <summary>Bytes as they are, while the input stands between two.</summary>
    public int CopyTo(Span<byte> target, int wanted)
    {
        int count = (int)Math.Min(Math.Min(wanted, target.Length), Math.Max(0, Left));
        new ReadOnlySpan<byte>(Position, count).CopyTo(target);
        Position += count;
        return count;
    }

    public void Skip(int count) => Position += count;

    public void Dispose()
    {
        NativeMemory.Free(_start);
        _start = Position = _end = null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Refill()
    {
        if (Position >= _end + sizeof(ulong)) throw new InvalidDataException("it is cut off");
        Bits |= *(ulong*)Position << BitCount;
        Position += (63 - BitCount) >> 3;
        BitCount |= 56;
    }
}
