using System.Runtime.InteropServices;

namespace Sluice.Formats.Rafs.V6;

/// <summary>A buffered stream writer that only goes forward and fills gaps with zeros.</summary>
internal sealed class ForwardWriter(Stream output)
{
    private readonly byte[] _buffer = new byte[64 << 10];
    private int _filled;

    public long Position { get; private set; }

    public void SkipTo(long offset)
    {
        if (offset < Position) throw new InvalidOperationException("regions of the bootstrap overlap");
        while (Position < offset)
        {
            Span<byte> gap = Free((int)Math.Min(_buffer.Length, offset - Position));
            gap.Clear();
            Advance(gap.Length);
        }
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            Span<byte> target = Free(bytes.Length);
            bytes[..target.Length].CopyTo(target);
            bytes = bytes[target.Length..];
            Advance(target.Length);
        }
    }

    public void Write<T>(in T value)
        where T : unmanaged => Write(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    public void Flush()
    {
        output.Write(_buffer, 0, _filled);
        _filled = 0;
    }

    /// <summary>Up to <paramref name="wanted"/> bytes of the buffer, at least one.</summary>
    private Span<byte> Free(int wanted)
    {
        if (_filled == _buffer.Length) Flush();
        return _buffer.AsSpan(_filled, Math.Min(wanted, _buffer.Length - _filled));
    }

    private void Advance(int count)
    {
        _filled += count;
        Position += count;
    }
}
