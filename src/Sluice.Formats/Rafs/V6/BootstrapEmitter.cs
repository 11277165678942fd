using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using Sluice.Formats.Erofs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs.V6;

/// <summary>Writes what a <see cref="BootstrapPlan"/> has placed, front to back.</summary>
internal sealed class BootstrapEmitter(BootstrapPlan plan, Stream output)
{
    private readonly ForwardWriter _out = new(output);
    private readonly List<DirectoryName> _names = [];
    private byte[] _scratch = new byte[4096];

    private int BlockSize => plan.Image.BlockSize;

    public void Write()
    {
        WriteSuperblock();
        WriteDeviceTable();
        WriteBlobTable();
        WriteInodes();
        WriteChunkTable();
        _out.SkipTo(plan.Length);
        _out.Flush();
    }

    private void WriteSuperblock()
    {
        long blocks = plan.Image.Blobs.Sum(blob => blob.UncompressedSize / BlockSize);
        _out.SkipTo(ErofsLayout.SuperblockOffset);
        _out.Write(new ErofsSuperblock
        {
            Magic = ErofsLayout.Magic,
            Compatible = RafsV6Layout.CompatibleRafs,
            BlockBits = (byte)BitOperations.Log2((uint)BlockSize),
            RootNid = (ushort)plan.NidOf(0),
            Inodes = (ulong)plan.Tree.Names.Length + 1,
            Blocks = ToBlock(blocks * BlockSize),
            MetaBlock = ToBlock(plan.MetaOffset),
            Incompatible = RafsV6Layout.Incompatible,
            ExtraDevices = (ushort)plan.Image.Blobs.Count,
            DeviceTableSlot = RafsV6Layout.DeviceTableSlot,
        });
        _out.Write(new RafsExtension
        {
            Flags = plan.Flags,
            BlobTableOffset = (ulong)plan.BlobTableOffset,
            BlobTableSize = (uint)(plan.Image.Blobs.Count * BlobTableEntry.Size),
            ChunkSize = (uint)plan.Image.ChunkSize,
            ChunkTableOffset = (ulong)plan.ChunkTableOffset,
            ChunkTableSize = (ulong)plan.Chunks.Length * ChunkTableEntry.Size,
            PrefetchTableOffset = (ulong)plan.PrefetchOffset,
            PrefetchTableSize = (uint)plan.PrefetchNids.Length * sizeof(uint),
        });
    }

    private void WriteDeviceTable()
    {
        Span<byte> slot = stackalloc byte[ErofsLayout.DeviceSlotSize];
        long end = plan.Length;
        foreach (RafsBlob blob in plan.Image.Blobs)
        {
            long mapped = ErofsLayout.AlignUp(end, RafsV6Layout.DeviceAlignment);
            slot.Clear();
            Encoding.ASCII.GetBytes(blob.Id, slot);
            MemoryMarshal.Write(slot[64..], ToBlock(blob.UncompressedSize));
            MemoryMarshal.Write(slot[68..], ToBlock(mapped));
            _out.Write(slot);
            end = mapped + blob.UncompressedSize;
        }
    }

    private void WriteBlobTable()
    {
        Span<byte> bytes = stackalloc byte[BlobTableEntry.Size];
        _out.SkipTo(plan.BlobTableOffset);
        for (int i = 0; i < plan.Image.Blobs.Count; i++)
        {
            BlobTable.Write(plan.Image.Blobs[i], i, plan.Image.ChunkSize, bytes);
            _out.Write(bytes);
        }

        _out.Write(MemoryMarshal.AsBytes<uint>(plan.PrefetchNids));
    }

    /// <summary>Inodes and data blocks, whatever their order in the tree, by their offsets.</summary>
    private void WriteInodes()
    {
        ReadOnlySpan<PlannedInode> inodes = plan.Tree.Inodes;
        var offsets = new List<long>(inodes.Length);
        var items = new List<int>(inodes.Length);
        for (int i = 0; i < inodes.Length; i++)
        {
            offsets.Add(inodes[i].Offset);
            items.Add(i);
            if (inodes[i].DataOffset == 0) continue;
            offsets.Add(inodes[i].DataOffset);
            items.Add(~i);
        }

        CollectionsMarshal.AsSpan(offsets).Sort(CollectionsMarshal.AsSpan(items));
        foreach (int item in CollectionsMarshal.AsSpan(items))
        {
            if (item < 0) WriteBlocks(~item, inodes[~item]);
            else WriteInode(item, inodes[item]);
        }
    }

    private void WriteInode(int position, in PlannedInode planned)
    {
        Inode inode = planned.Inode;
        _out.SkipTo(planned.Offset);
        _out.Write(new ErofsInode
        {
            Format = (ushort)(1 | ((int)planned.Layout << 1)),
            XattrCount = ErofsXattr.Count(planned.XattrSize),
            Mode = (ushort)((ushort)inode.Type | inode.Mode),
            Size = (ulong)planned.Size,
            Union = UnionOf(planned),
            Number = planned.Number,
            UserId = inode.UserId,
            GroupId = inode.GroupId,
            ModificationSeconds = inode.ModificationTime.Seconds,
            ModificationNanoseconds = inode.ModificationTime.Nanoseconds,
            Links = planned.Links,
        });
        Span<byte> xattrs = Scratch(planned.XattrSize);
        XattrBody.Write(inode.ExtendedAttributes, xattrs);
        _out.Write(xattrs);
        if (planned.Layout == ErofsDataLayout.FlatInline)
        {
            int tail = (int)(planned.Size % BlockSize);
            _out.Write(ContentOf(position, planned)[^tail..]);
        }
        else if (inode.Chunks.Count > 0)
        {
            WriteChunkAddresses(inode);
        }
    }

    private void WriteBlocks(int position, in PlannedInode planned)
    {
        ReadOnlySpan<byte> content = ContentOf(position, planned);
        if (planned.Layout == ErofsDataLayout.FlatInline) content = content[..^(int)(planned.Size % BlockSize)];
        _out.SkipTo(planned.DataOffset);
        _out.Write(content);
    }

    private ReadOnlySpan<byte> ContentOf(int position, in PlannedInode planned)
    {
        if (planned.Inode.Type == FileType.SymbolicLink) return planned.Inode.LinkTarget.Bytes;
        plan.CollectNames(position, _names);
        Span<byte> content = Scratch((int)planned.Size);
        DirectoryBlocks.Write(_names, BlockSize, content);
        return content;
    }

    private void WriteChunkAddresses(Inode inode)
    {
        _out.SkipTo(ErofsLayout.AlignUp(_out.Position, ErofsLayout.ChunkAddressSize));
        foreach (ChunkReference reference in inode.Chunks)
        {
            long offset = plan.Image.Chunks[reference.Blob][reference.Chunk].UncompressedOffset;
            _out.Write(ErofsChunkAddress.Create(reference.Blob, reference.Chunk, ToBlock(offset)));
        }
    }

    private uint UnionOf(in PlannedInode planned) => planned.Inode.Type switch
    {
        FileType.Regular => ChunkFormat(planned.Inode),
        FileType.CharacterDevice or FileType.BlockDevice => ErofsLayout.EncodeDevice(planned.Inode.Device),
        _ => ToBlock(planned.DataOffset),
    };

    /// <summary>
    /// Chunk size over block size, as a power of two. A file whose chunks follow each other in one blob is one big chunk for
    /// the kernel: fewer lookups, and page cache that files can share. nydusd goes by the image's chunk size either way.
    /// </summary>
    private uint ChunkFormat(Inode inode)
    {
        long size = plan.Image.ChunkSize;
        if (inode.Size > size && IsContiguous(inode)) size = (long)BitOperations.RoundUpToPowerOf2((ulong)inode.Size);
        int bits = BitOperations.Log2((ulong)(size / BlockSize));
        if (bits > ErofsLayout.ChunkFormatBits) bits = BitOperations.Log2((uint)(plan.Image.ChunkSize / BlockSize));
        return ErofsLayout.ChunkFormatIndexes | (uint)bits;
    }

    private bool IsContiguous(Inode inode)
    {
        ChunkReference first = inode.Chunks[0];
        long next = plan.Image.Chunks[first.Blob][first.Chunk].UncompressedOffset;
        foreach (ChunkReference reference in inode.Chunks)
        {
            if (reference.Blob != first.Blob || plan.Image.Chunks[reference.Blob][reference.Chunk].UncompressedOffset != next) return false;
            next += plan.Image.ChunkSize;
        }

        return true;
    }

    private void WriteChunkTable()
    {
        _out.SkipTo(plan.ChunkTableOffset);
        foreach (UsedChunk used in plan.Chunks)
        {
            ChunkInfo chunk = plan.Image.Chunks[used.Blob][used.Number];
            _out.Write(new ChunkTableEntry
            {
                Digest = chunk.Digest,
                Blob = (uint)used.Blob,
                Flags = chunk.Flags & ~ChunkFlags.Zran,
                CompressedSize = (uint)chunk.CompressedSize,
                UncompressedSize = (uint)chunk.UncompressedSize,
                CompressedOffset = (ulong)chunk.CompressedOffset,
                UncompressedOffset = (ulong)chunk.UncompressedOffset,
                FileOffset = (ulong)used.FileOffset,
                Number = (uint)used.Number,
                Crc32 = chunk.Crc32,
            });
        }
    }

    private uint ToBlock(long offset)
    {
        long block = offset / BlockSize;
        if (block > uint.MaxValue) throw new SluiceException(SluiceError.Image, "rafs", "the blobs exceed 2^32 blocks together");
        return (uint)block;
    }

    private Span<byte> Scratch(int size)
    {
        if (_scratch.Length < size) _scratch = new byte[Math.Max(size, _scratch.Length * 2)];
        return _scratch.AsSpan(0, size);
    }
}
