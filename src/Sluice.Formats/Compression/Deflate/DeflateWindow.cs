using System.Runtime.InteropServices;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Compression.Deflate;

/// <summary>What was decoded: the last 32 KiB, which may be repeated, and what has not been taken yet.</summary>
internal sealed unsafe class DeflateWindow : IDisposable
{
    private const int History = 32 << 10;
    private const int Capacity = History + (128 << 10);

    /// <summary>What one step of the decoder writes at most: a length of 258, rounded up, and two literals.</summary>
    private const int Slack = 320;

    private byte* _start = (byte*)NativeMemory.Alloc(Capacity + Slack);
    private byte* _taken;

    public DeflateWindow() => Position = HistoryStart = _taken = _start;

    public byte* Position { get; private set; }

    /// <summary>The decoder's steps may begin below this.</summary>
    public byte* Limit => _start + Capacity;

    /// <summary>Distances lead no further back: the stream's beginning, at most.</summary>
    public byte* HistoryStart { get; private set; }

    public Span<byte> Free => new(Position, (int)Math.Max(0, Limit - Position));

    /// <summary>What has been decoded and not taken.</summary>
    public ReadOnlySpan<byte> Pending => new(_taken, (int)(Position - _taken));

    /// <summary>CRC-32 of the stream so far.</summary>
    public uint Checksum { get; private set; }

    /// <summary>Bytes of the stream so far, modulo 2^32.</summary>
    public uint Length { get; private set; }

    /// <summary>A new stream begins.</summary>
    public void Begin()
    {
        HistoryStart = Position;
        (Checksum, Length) = (0, 0);
    }

    public void Advance(int count)
    {
        Checksum = Crc32.Compute(new ReadOnlySpan<byte>(Position, count), Checksum);
        Length += (uint)count;
        Position += count;
    }

    public int Take(Span<byte> target)
    {
        int count = Math.Min(target.Length, Pending.Length);
        Pending[..count].CopyTo(target);
        _taken += count;
        if (_taken == Position && Position >= Limit) Slide();
        return count;
    }

    public void Dispose()
    {
        NativeMemory.Free(_start);
        _start = Position = _taken = HistoryStart = null;
    }

    private void Slide()
    {
        long shift = Position - _start - History;
        Buffer.MemoryCopy(Position - History, _start, Capacity, History);
        Position = _taken = _start + History;
        HistoryStart = HistoryStart - shift < _start ? _start : HistoryStart - shift;
    }
}
