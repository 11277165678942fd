namespace Sluice.Formats.OverlayBd.ZFile;

// Blocks of 64 KiB that have to become blocks of 32 KiB.
public sealed partial class ZFileWriter
{
    private const int FallbackSize = ZFileLimits.MaxBlockSize / 2;

    /// <summary>
    /// Writes all blocks again at half their size: first behind the old ones, then moved down over them. Memory use stays the same.
    /// </summary>
    private void FallBack()
    {
        FlushBuffer();
        _fellBack = true;
        ZFileBlockCodec old = Codec;
        Codec = old with { BlockSize = FallbackSize };
        uint[] oldLengths = [.. _lengths];
        long end = _start + StoredLength;
        _lengths.Clear();
        (StoredLength, ContentLength) = (ZFileHeader.Size, 0);

        byte[] stored = new byte[ZFileLimits.MaxWrittenBlock];
        byte[] content = new byte[old.BlockSize];
        long source = _start + ZFileHeader.Size;
        foreach (uint length in oldLengths)
        {
            // All of these blocks are whole: a short one ends the file.
            FlushAt(end + StoredLength - ZFileHeader.Size - _buffered);
            _output.Seek(source, SeekOrigin.Begin);
            _output.ReadExactly(stored, 0, (int)length);
            source += length;
            old.Decompress(stored.AsSpan(0, (int)length), content);
            for (int i = 0; i < content.Length; i += BlockSize)
            {
                Append(BlockSize, Codec.Compress(content.AsSpan(i, BlockSize), _buffer.AsSpan(_buffered)));
            }
        }

        FlushAt(end + StoredLength - ZFileHeader.Size - _buffered);
        Move(end, _start + ZFileHeader.Size, StoredLength - ZFileHeader.Size);
        _output.SetLength(_start + StoredLength);
        _output.Seek(_start + StoredLength, SeekOrigin.Begin);
    }

    private void FlushAt(long position)
    {
        _output.Seek(position, SeekOrigin.Begin);
        FlushBuffer();
    }

    private void Move(long from, long to, long length)
    {
        for (long done = 0; done < length;)
        {
            Span<byte> part = _buffer.AsSpan(0, (int)Math.Min(_buffer.Length, length - done));
            _output.Seek(from + done, SeekOrigin.Begin);
            _output.ReadExactly(part);
            _output.Seek(to + done, SeekOrigin.Begin);
            _output.Write(part);
            done += part.Length;
        }
    }
}
