using System.Runtime.InteropServices;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.OverlayBd.ZFile;

/// <summary>
/// Writes a ZFile front to back: content goes in through <see cref="Write(ReadOnlySpan{byte})"/>, or in whole blocks that were
/// compressed elsewhere, in parallel, through <see cref="AppendBlock"/>. The result is the same either way.
/// </summary>
/// <remarks>
/// <para>
/// Every block must be readable for the format's own reader: stored blocks of at most 64 KiB, and less than 65535 stored bytes for all blocks
/// but the last of each 64 KiB of content. What does not compress grows by at most 1/255 + 2 bytes (LZ4) or 1/256 + 63 bytes (zstd), and 4
/// of checksum. That makes, for 4, 8, 16 and 32 KiB: groups of at most 62,670, 58,016, 49,524 and 32,948 bytes, and no block near 64 KiB. So
/// these sizes always work. Blocks of 64 KiB are alone in their group, but content that does not compress makes them too long.
/// </para>
/// <para>
/// Hence the rule: 64 KiB are written only where they can be taken back, to an output that can seek and read. At the first
/// block that is too long everything so far is written again in blocks of 32 KiB (in the output itself, which grows for that time), and so is
/// the rest. To any other output a file for which 64 KiB were asked has blocks of 32 KiB from the start. <see cref="BlockSize"/> tells.
/// </para>
/// <para>Not thread-safe. The same content and options give the same bytes, if the output can do the same. The output is not disposed.</para>
/// </remarks>
public sealed partial class ZFileWriter : OutputStream
{
    private const int BufferSize = 256 << 10;

    private readonly Stream _output;
    private readonly ZFileOptions _options;
    private readonly long _start;
    private readonly List<uint> _lengths = [];
    private readonly byte[] _buffer;
    private readonly byte[] _block;
    private int _buffered;
    private int _blockFilled;
    private bool _lastBlock;
    private bool _fellBack;
    private ZFileHeader? _complete;

    /// <param name="output">Written from its position on. Seeking and reading are used where it has them and they are needed.</param>
    public ZFileWriter(Stream output, ZFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(options);
        if (!ZFileLimits.IsBlockSize(options.BlockSize))
        {
            throw new ArgumentException($"a block size of {options.BlockSize}", nameof(options));
        }

        if (options.OverwriteHeader && !output.CanSeek) throw new ArgumentException("the header can't be written again on an output that can't seek", nameof(options));
        _output = output;
        _options = options;
        _start = output.CanSeek ? output.Position : 0;
        bool takesBack = output.CanSeek && output.CanRead;
        Codec = new ZFileBlockCodec(options.Algorithm, takesBack ? options.BlockSize : Math.Min(options.BlockSize, FallbackSize), options.HasChecksums);
        _buffer = new byte[BufferSize];
        _block = new byte[Codec.BlockSize];
        WriteHeader(FirstHeader());
    }

    /// <summary>For those who compress blocks elsewhere. Its block size is that of the next block.</summary>
    public ZFileBlockCodec Codec { get; private set; }

    /// <summary>Bytes; less than asked for where that does not work.</summary>
    public int BlockSize => Codec.BlockSize;

    /// <summary>Uncompressed bytes so far.</summary>
    public long ContentLength { get; private set; }

    /// <summary>Bytes of the ZFile so far.</summary>
    public long StoredLength { get; private set; }

    /// <summary>Appends content. Nothing is kept of <paramref name="buffer"/>.</summary>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        ThrowIfComplete();
        ReadOnlySpan<byte> content = buffer;
        while (!content.IsEmpty)
        {
            if (_blockFilled == 0 && content.Length >= BlockSize)
            {
                int whole = BlockSize;
                Compress(content[..whole]);
                content = content[whole..];
                continue;
            }

            int taken = Math.Min(BlockSize - _blockFilled, content.Length);
            content[..taken].CopyTo(_block.AsSpan(_blockFilled));
            _blockFilled += taken;
            content = content[taken..];
            if (_blockFilled < BlockSize) continue;
            _blockFilled = 0;
            Compress(_block.AsSpan(0, BlockSize));
        }
    }

    /// <summary>Appends a block that was compressed elsewhere, on any thread, with <see cref="Codec"/> as it was then.</summary>
    /// <param name="content">A whole block; less only at the end.</param>
    /// <param name="stored">What <see cref="ZFileBlockCodec.Compress"/> made of it; empty where it gave -1.</param>
    public void AppendBlock(ReadOnlySpan<byte> content, ReadOnlySpan<byte> stored)
    {
        ThrowIfComplete();
        if (_blockFilled > 0) throw new InvalidOperationException("a block is begun");
        if (content.Length > BlockSize || stored.IsEmpty)
        {
            // Compressed before the block size fell, or the reason for it to fall.
            Write(content);
            return;
        }

        if (content.IsEmpty || stored.Length > Codec.MaxStoredLength) throw new ArgumentException("this is no block", nameof(stored));
        Span<byte> room = Reserve();
        stored.CopyTo(room);
        Append(content.Length, stored.Length);
    }

    /// <summary>Writes what is left, the jump table and the trailer, and leaves the output at the end.</summary>
    /// <returns>The trailer.</returns>
    public ZFileHeader Complete()
    {
        if (_complete is not null) return _complete;
        while (_blockFilled > 0)
        {
            // Twice, if this block makes the block size fall.
            int left = _blockFilled;
            _blockFilled = 0;
            Compress(_block.AsSpan(0, left));
        }

        ReadOnlySpan<byte> table = MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_lengths));
        var trailer = new ZFileHeader
        {
            Flags = ZFileFlags.DataFile | ZFileFlags.Sealed | ZFileFlags.Digest,
            IndexOffset = StoredLength,
            BlockCount = _lengths.Count,
            ContentLength = ContentLength,
            IndexChecksum = Crc32C.Raw(table),
            BlockSize = BlockSize,
            Algorithm = Codec.Algorithm,
            HasChecksums = Codec.HasChecksums,
        };
        FlushBuffer();
        _output.Write(table);
        StoredLength += table.Length;
        WriteHeader(trailer);
        FlushBuffer();
        if (_options.OverwriteHeader) RewriteHeader(trailer with { Flags = ZFileFlags.Header | ZFileFlags.DataFile | ZFileFlags.HeaderOverwritten });
        else if (_fellBack) RewriteHeader(FirstHeader());
        return _complete = trailer;
    }

    private ZFileHeader FirstHeader() => new()
    {
        Flags = ZFileFlags.Header | ZFileFlags.DataFile,
        BlockSize = BlockSize,
        Algorithm = Codec.Algorithm,
        HasChecksums = Codec.HasChecksums,
    };

    private void Compress(ReadOnlySpan<byte> content)
    {
        int length = Codec.Compress(content, Reserve());
        if (length >= 0)
        {
            Append(content.Length, length);
            return;
        }

        FallBack();
        Write(content);
    }

    /// <summary>Room for one stored block in the buffer.</summary>
    private Span<byte> Reserve()
    {
        if (_lastBlock) throw new InvalidOperationException("a block follows one that is not whole");
        if (_buffer.Length - _buffered < Codec.MaxStoredLength) FlushBuffer();
        return _buffer.AsSpan(_buffered);
    }

    private void Append(int contentLength, int storedLength)
    {
        if (_lengths.Count == ZFileLimits.MaxBlocks) throw new SluiceException(SluiceError.Image, "zfile", "the content is larger than a ZFile can be", "use larger blocks");
        _buffered += storedLength;
        _lengths.Add((uint)storedLength);
        StoredLength += storedLength;
        ContentLength += contentLength;
        _lastBlock = contentLength < BlockSize;
    }

    private void WriteHeader(ZFileHeader header)
    {
        if (_buffer.Length - _buffered < ZFileHeader.Size) FlushBuffer();
        header.Write(_buffer.AsSpan(_buffered));
        _buffered += ZFileHeader.Size;
        StoredLength += ZFileHeader.Size;
    }

    private void RewriteHeader(ZFileHeader header)
    {
        Span<byte> bytes = stackalloc byte[ZFileHeader.Size];
        header.Write(bytes);
        _output.Seek(_start, SeekOrigin.Begin);
        _output.Write(bytes);
        _output.Seek(_start + StoredLength, SeekOrigin.Begin);
    }

    private void FlushBuffer()
    {
        _output.Write(_buffer.AsSpan(0, _buffered));
        _buffered = 0;
    }

    private void ThrowIfComplete()
    {
        if (_complete is not null) throw new InvalidOperationException("the file is complete");
    }
}
