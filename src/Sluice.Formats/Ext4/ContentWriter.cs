using Sluice.Formats.Tar;

namespace Sluice.Formats.Ext4;

/// <summary>
/// Puts the content of files on the device: allocates all of a file before its first byte, reads straight into one buffer, and
/// writes that where the next file doesn't follow or when it is full.
/// </summary>
internal sealed class ContentWriter(Ext4Volume volume, BlockAllocator allocator)
{
    private const int BufferBlocks = 256;
    private const long MaxBlocks = 1L << 32;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(BufferBlocks * Ext4Layout.BlockSize);
    private readonly ExtentList _extents = new();
    private long _start;
    private int _filled;
    private long _position;

    /// <param name="runs">What the content has; the rest are holes. Null: all of it.</param>
    public Ext4Content Write(long size, IReadOnlyList<SparseRun>? runs, IFileContent content)
    {
        if (Ext4Layout.Blocks(size) >= MaxBlocks) throw Ext4Error.Unsupported($"a file of {size} bytes", "ext4 holds files below 16 TiB");
        _extents.Clear();
        _position = 0;
        if (runs is null)
        {
            allocator.Require(Ext4Layout.Blocks(size));
            WriteBlocks(0, Ext4Layout.Blocks(size), size, content);
        }
        else
        {
            WriteRuns(size, runs, content);
        }

        return new Ext4Content(size, _extents.ToArray());
    }

    /// <summary>Writes what is in the buffer.</summary>
    public void Flush()
    {
        if (_filled > 0) volume.Store.WriteData(_start, _buffer.AsSpan(0, _filled * Ext4Layout.BlockSize));
        _filled = 0;
    }

    private void WriteRuns(long size, IReadOnlyList<SparseRun> runs, IFileContent content)
    {
        for (int i = 0; i < runs.Count;)
        {
            // Runs that share a block, or whose blocks follow each other, are one.
            long first = runs[i].Offset >> Ext4Layout.BlockBits, end = first;
            for (; i < runs.Count && runs[i].Offset >> Ext4Layout.BlockBits <= end; i++)
                end = Math.Max(end, Ext4Layout.Blocks(runs[i].Offset + runs[i].Length));
            allocator.Require(end - first);
            WriteBlocks(first, end - first, size, content);
        }
    }

    private void WriteBlocks(long logical, long count, long size, IFileContent content)
    {
        long at = logical << Ext4Layout.BlockBits;
        if (at > _position) content.Skip(at - _position);
        _position = at;
        while (count > 0)
        {
            (long block, int run) = allocator.Allocate(count);
            _extents.Add(logical, block, run);
            logical += run;
            count -= run;
            while (run > 0)
            {
                int part = Buffer(block, run, out Span<byte> target);
                Fill(target, size, content);
                block += part;
                run -= part;
            }
        }
    }

    /// <summary>Room for blocks from <paramref name="block"/> on.</summary>
    private int Buffer(long block, int wanted, out Span<byte> target)
    {
        if (_filled == BufferBlocks || block != _start + _filled) Flush();
        if (_filled == 0) _start = block;
        int count = Math.Min(wanted, BufferBlocks - _filled);
        target = _buffer.AsSpan(_filled * Ext4Layout.BlockSize, count * Ext4Layout.BlockSize);
        _filled += count;
        return count;
    }

    private void Fill(Span<byte> target, long size, IFileContent content)
    {
        int wanted = (int)Math.Min(target.Length, size - _position);
        int read = content.Read(target[..wanted]);
        if (read != wanted) throw new EndOfStreamException($"the content of a file ends at byte {_position + read} of {size}");
        target[wanted..].Clear();
        _position += wanted;
    }
}
