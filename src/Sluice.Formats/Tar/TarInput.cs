namespace Sluice.Formats.Tar;

/// <summary>
/// A stream read in two ways: headers and small contents through a buffer, large contents straight into the caller's memory.
/// </summary>
internal sealed class TarInput(Stream stream)
{
    /// <summary>Reads of at least this many bytes bypass the buffer: a system call costs less than copying them twice.</summary>
    private const int DirectRead = 32 << 10;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(128 << 10);
    private int _start;
    private int _end;

    /// <summary>Bytes of the archive that have been consumed.</summary>
    public long Position { get; private set; }

    /// <summary>
    /// The next 512 bytes, valid until the next call; false when the stream ends here. A part of a block is an error that
    /// says the archive ends within <paramref name="what"/>.
    /// </summary>
    public bool TryReadBlock(string what, out ReadOnlySpan<byte> block)
    {
        int available = Buffer(TarLayout.BlockSize);
        if (available >= TarLayout.BlockSize)
        {
            block = _buffer.AsSpan(_start, TarLayout.BlockSize);
            Consume(TarLayout.BlockSize);
            return true;
        }

        if (available > 0) throw TarError.Truncated(Position + available, what);
        block = default;
        return false;
    }

    public ReadOnlySpan<byte> ReadBlock(string what) =>
        TryReadBlock(what, out ReadOnlySpan<byte> block) ? block : throw TarError.Truncated(Position, what);

    public void ReadExactly(Span<byte> target, string what)
    {
        while (!target.IsEmpty)
        {
            int count;
            if (_start < _end)
            {
                count = Math.Min(target.Length, _end - _start);
                _buffer.AsSpan(_start, count).CopyTo(target);
                Consume(count);
            }
            else if (target.Length >= DirectRead)
            {
                count = stream.Read(target);
                if (count == 0) throw TarError.Truncated(Position, what);
                Position += count;
            }
            else
            {
                count = 0;
                if (Buffer(1) == 0) throw TarError.Truncated(Position, what);
            }

            target = target[count..];
        }
    }

    public void Skip(long count, string what)
    {
        int buffered = (int)Math.Min(count, _end - _start);
        Consume(buffered);
        count -= buffered;
        if (count > _buffer.Length && stream.CanSeek)
        {
            if (stream.Length - stream.Position < count) throw TarError.Truncated(Position + Math.Max(0, stream.Length - stream.Position), what);
            stream.Seek(count, SeekOrigin.Current);
            Position += count;
            return;
        }

        while (count > 0)
        {
            int available = Buffer(1);
            if (available == 0) throw TarError.Truncated(Position, what);
            int step = (int)Math.Min(count, available);
            Consume(step);
            count -= step;
        }
    }

    /// <summary>Skips padding, of which the end of the archive may lack a part.</summary>
    public void SkipPadding(int count) => Consume(Math.Min(count, Buffer(count)));

    private void Consume(int count)
    {
        _start += count;
        Position += count;
    }

    /// <summary>Makes at least <paramref name="wanted"/> bytes available unless the stream ends before; returns how many are.</summary>
    private int Buffer(int wanted)
    {
        if (_end - _start >= wanted) return _end - _start;
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        while (_end < wanted)
        {
            int count = stream.Read(_buffer, _end, _buffer.Length - _end);
            if (count == 0) break;
            _end += count;
        }

        return _end;
    }
}
