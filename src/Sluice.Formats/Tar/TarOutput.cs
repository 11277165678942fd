namespace Sluice.Formats.Tar;

/// <summary>Gathers headers and small contents into large writes; large contents go to the stream as they are.</summary>
internal sealed class TarOutput(Stream stream)
{
    private const int DirectWrite = 32 << 10;
    private readonly byte[] _buffer = new byte[128 << 10];
    private int _used;

    public long Position { get; private set; }

    /// <summary>The next 512 bytes to be filled in by the caller before the next call; what they hold is undefined.</summary>
    public Span<byte> NextBlock()
    {
        if (_buffer.Length - _used < TarLayout.BlockSize) Flush();
        Span<byte> block = _buffer.AsSpan(_used, TarLayout.BlockSize);
        _used += TarLayout.BlockSize;
        Position += TarLayout.BlockSize;
        return block;
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        Position += bytes.Length;
        if (bytes.Length >= DirectWrite)
        {
            Flush();
            stream.Write(bytes);
            return;
        }

        if (bytes.Length > _buffer.Length - _used) Flush();
        bytes.CopyTo(_buffer.AsSpan(_used));
        _used += bytes.Length;
    }

    public void WriteZeros(int count)
    {
        Span<byte> zeros = stackalloc byte[2 * TarLayout.BlockSize];
        zeros.Clear();
        Write(zeros[..count]);
    }

    public void Flush()
    {
        if (_used == 0) return;
        stream.Write(_buffer, 0, _used);
        _used = 0;
    }
}
