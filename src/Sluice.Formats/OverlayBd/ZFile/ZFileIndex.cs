using System.Buffers.Binary;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.OverlayBd.ZFile;

/// <summary>
/// The jump table of a ZFile: from a position in its content to the stored block, in constant time. Four bytes of native
/// memory per block. Immutable and safe for concurrent use until it is disposed; no call may be under way then.
/// </summary>
/// <remarks>
/// On disk the table is a list of stored lengths. Here it is the low 32 bits of each block's offset; the offset of every
/// 32768th block is kept in full. As no block is longer than <see cref="ZFileLimits.MaxStoredBlock"/>, a group spans less than
/// 4 GiB, and the low bits say the rest.
/// </remarks>
public sealed unsafe class ZFileIndex : IDisposable
{
    private const int GroupShift = 15;

    private readonly long[] _bases;
    private readonly NativeTable _table;
    private uint* _offsets;

    private ZFileIndex(ZFileHeader header)
    {
        Header = header;
        Codec = header.Codec;
        _bases = new long[(header.BlockCount >> GroupShift) + 1];
        _table = new NativeTable(header.BlockCount + 1L, sizeof(uint));
        _offsets = (uint*)_table.Address;
    }

    /// <summary>The trailer, or the header that was written again.</summary>
    public ZFileHeader Header { get; }

    public ZFileBlockCodec Codec { get; }

    public int BlockCount => Header.BlockCount;

    /// <summary>Uncompressed bytes of the whole file.</summary>
    public long ContentLength => Header.ContentLength;

    /// <summary>Builds the index, and checks that every block lies between the header and the jump table.</summary>
    /// <param name="header">The trailer, or a header whose <see cref="ZFileHeader.HasIndex"/> is set.</param>
    /// <param name="jumpTable">The <see cref="ZFileHeader.IndexLength"/> bytes at <see cref="ZFileHeader.IndexOffset"/>.</param>
    /// <exception cref="InvalidFormatException">The table is damaged or impossible.</exception>
    public static ZFileIndex Read(ZFileHeader header, ReadOnlySpan<byte> jumpTable)
    {
        if (!header.HasIndex) throw new ArgumentException("this header was written before the jump table", nameof(header));
        if (jumpTable.Length != header.IndexLength) throw ZFileHeader.Error($"a jump table of {jumpTable.Length} bytes for {header.BlockCount} blocks");
        if (Crc32C.Raw(jumpTable) != header.IndexChecksum) throw ZFileHeader.Error("the checksum of the jump table is wrong", header.IndexOffset);
        var index = new ZFileIndex(header);
        try
        {
            index.Load(jumpTable);
            return index;
        }
        catch
        {
            index.Dispose();
            throw;
        }
    }

    /// <summary>Builds the index of a ZFile that is in memory as a whole.</summary>
    /// <exception cref="InvalidFormatException">Not a ZFile, cut off or damaged.</exception>
    public static ZFileIndex ReadFile(ReadOnlySpan<byte> file)
    {
        ZFileHeader header = ZFileHeader.Read(file);
        if (!header.HasIndex) header = ZFileHeader.Read(file[^ZFileHeader.Size..]);
        if (!header.HasIndex || header.FileLength != file.Length) throw ZFileHeader.Error($"it ends after {file.Length} bytes and not after its jump table");
        return Read(header, file.Slice((int)header.IndexOffset, (int)header.IndexLength));
    }

    /// <summary>Where a block is.</summary>
    /// <param name="number">0 up to <see cref="BlockCount"/>.</param>
    public ZFileBlock GetBlock(int number)
    {
        if ((uint)number >= (uint)BlockCount) throw new ArgumentOutOfRangeException(nameof(number), number, "not a block");
        uint* offsets = _offsets;
        ObjectDisposedException.ThrowIf(offsets is null, this);
        long start = _bases[number >> GroupShift];
        start += offsets[number] - (uint)start;
        var stored = (int)(offsets[number + 1] - offsets[number]);
        long position = (long)number * Codec.BlockSize;
        GC.KeepAlive(this);
        return new ZFileBlock(number, start, stored, position, (int)Math.Min(Codec.BlockSize, ContentLength - position));
    }

    /// <summary>The number of the block that holds a byte of the content.</summary>
    /// <param name="position">0 up to <see cref="ContentLength"/>.</param>
    public int GetBlockNumber(long position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(position, ContentLength);
        return (int)(position / Codec.BlockSize);
    }

    /// <summary>Decodes all blocks that hold a part of the content.</summary>
    /// <param name="stored">A part of the ZFile that holds these blocks.</param>
    /// <param name="storedOffset">Where it begins in the ZFile.</param>
    /// <param name="position">Where the wanted content begins; the end must not exceed <see cref="ContentLength"/>.</param>
    /// <param name="scratch">One block, for the ends that are needed in part: <see cref="ZFileHeader.BlockSize"/> bytes.</param>
    /// <exception cref="InvalidFormatException">A block is damaged.</exception>
    public void Decode(ReadOnlySpan<byte> stored, long storedOffset, long position, Span<byte> content, Span<byte> scratch)
    {
        while (!content.IsEmpty)
        {
            ZFileBlock block = GetBlock(GetBlockNumber(position));
            ReadOnlySpan<byte> bytes = stored.Slice(checked((int)(block.StoredOffset - storedOffset)), block.StoredLength);
            var skipped = (int)(position - block.Offset);
            int taken = Math.Min(block.Length - skipped, content.Length);
            if (taken == block.Length)
            {
                Codec.Decompress(bytes, content[..taken]);
            }
            else
            {
                Codec.Decompress(bytes, scratch[..block.Length]);
                scratch.Slice(skipped, taken).CopyTo(content);
            }

            content = content[taken..];
            position += taken;
        }
    }

    public void Dispose()
    {
        _offsets = null;
        _table.Dispose();
    }

    private void Load(ReadOnlySpan<byte> jumpTable)
    {
        long offset = ZFileHeader.Size;
        int overhead = Codec.Overhead;
        for (int i = 0; i < BlockCount; i++)
        {
            if ((i & ((1 << GroupShift) - 1)) == 0) _bases[i >> GroupShift] = offset;
            _offsets[i] = (uint)offset;
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(jumpTable[(i * sizeof(uint))..]);
            if (length <= overhead || length > ZFileLimits.MaxStoredBlock) throw ZFileHeader.Error($"block {i} has {length} bytes", Header.IndexOffset + (i * (long)sizeof(uint)));
            offset += length;
        }

        _offsets[BlockCount] = (uint)offset;
        if (offset != Header.IndexOffset) throw ZFileHeader.Error($"the blocks end at {offset}, the jump table begins at {Header.IndexOffset}");
    }
}
