using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Ext4;

/// <summary>
/// The checksums of metadata: none, CRC-16 of group descriptors (uninit_bg), or CRC-32C of everything (metadata_csum). Readers
/// don't verify them, as blocks come out of a store that has its own.
/// </summary>
internal sealed class MetadataChecksums
{
    private readonly byte[] _uuid;
    private readonly uint _seed;

    public MetadataChecksums(in Ext4Superblock superblock, ReadOnlySpan<byte> bytes)
    {
        OfMetadata = (superblock.ReadOnlyCompatible & Ext4Features.MetadataChecksum) != 0;
        OfGroups = OfMetadata || (superblock.ReadOnlyCompatible & Ext4Features.GroupChecksum) != 0;
        _uuid = bytes.Slice(Ext4Superblock.UuidOffset, 16).ToArray();
        _seed = (superblock.Incompatible & Ext4Features.ChecksumSeed) != 0 ? superblock.ChecksumSeed : Crc(uint.MaxValue, _uuid);
    }

    /// <summary>metadata_csum.</summary>
    public bool OfMetadata { get; }

    /// <summary>metadata_csum or uninit_bg: descriptors have a checksum, and say what of their group is not initialised.</summary>
    public bool OfGroups { get; }

    public void SealSuperblock(Span<byte> bytes)
    {
        if (OfMetadata) Put(bytes[Ext4Superblock.ChecksumOffset..], Crc(uint.MaxValue, bytes[..Ext4Superblock.ChecksumOffset]));
    }

    public uint OfBitmap(ReadOnlySpan<byte> bits) => Crc(_seed, bits);

    public ushort OfGroup(uint group, ReadOnlySpan<byte> descriptor)
    {
        Span<byte> number = stackalloc byte[sizeof(uint)];
        Put(number, group);
        ReadOnlySpan<byte> head = descriptor[..GroupDescriptor.ChecksumOffset], rest = descriptor[(GroupDescriptor.ChecksumOffset + sizeof(ushort))..];
        if (OfMetadata) return (ushort)Crc(Crc(Crc(Crc(_seed, number), head), [0, 0]), rest);
        return Crc16.Compute(Crc16.Compute(Crc16.Compute(Crc16.Compute(ushort.MaxValue, _uuid), number), head), rest);
    }

    /// <summary>Puts its checksum into every changed block that has one.</summary>
    public void Seal(Ext4Volume volume)
    {
        if (!OfMetadata) return;

        Span<byte> number = stackalloc byte[sizeof(long)];

        // Seeds come from inodes, whose blocks may have to be read.
        foreach (CachedBlock block in volume.Cache.Dirty.ToArray())
        {
            Span<byte> bytes = block.Bytes;
            switch (block.Kind)
            {
                case BlockKind.InodeTable:
                    SealInodes(volume, block);
                    break;
                case BlockKind.DirectoryLeaf:
                    int tail = Ext4Layout.BlockSize - DirectoryBlock.TailSize;
                    Put(bytes[(Ext4Layout.BlockSize - sizeof(uint))..], Crc(InodeSeed(volume, block.Owner), bytes[..tail]));
                    break;
                case BlockKind.HashNode:
                    SealHashNode(InodeSeed(volume, block.Owner), bytes);
                    break;
                case BlockKind.ExtentNode:
                    int end = ExtentTree.EntriesOffset + (ExtentTree.MaxEntries * ExtentTree.EntrySize);
                    Put(bytes[end..], Crc(InodeSeed(volume, block.Owner), bytes[..end]));
                    break;
                case BlockKind.Attributes:
                    BinaryPrimitives.WriteInt64LittleEndian(number, block.Number);
                    Put(bytes[AttributeBlock.ChecksumOffset..], 0);
                    Put(bytes[AttributeBlock.ChecksumOffset..], Crc(Crc(_seed, number), bytes));
                    break;
            }
        }
    }

    private void SealInodes(Ext4Volume volume, CachedBlock block)
    {
        uint first = volume.Inodes.FirstOf(block.Number);
        for (int i = 0; i < Ext4Layout.BlockSize / volume.InodeSize; i++)
        {
            Span<byte> record = block.Bytes.AsSpan(i * volume.InodeSize, volume.InodeSize);
            ref InodeFields inode = ref MemoryMarshal.AsRef<InodeFields>(record[..InodeFields.Size]);
            if (inode.Mode == 0) continue;
            bool hasHigh = inode.ExtraSize >= 4;
            BinaryPrimitives.WriteUInt16LittleEndian(record[0x7C..], 0);
            if (hasHigh) BinaryPrimitives.WriteUInt16LittleEndian(record[0x82..], 0);
            uint crc = Crc(InodeSeed(first + (uint)i, inode.Generation), record);
            BinaryPrimitives.WriteUInt16LittleEndian(record[0x7C..], (ushort)crc);
            if (hasHigh) BinaryPrimitives.WriteUInt16LittleEndian(record[0x82..], (ushort)(crc >> 16));
        }
    }

    /// <summary>Covers the entries in use, and the tail behind the place of the last one that fits.</summary>
    private static void SealHashNode(uint seed, Span<byte> block)
    {
        HashNode node = HashNode.Of(block);
        Span<byte> tail = block[(node.EntriesOffset + (node.Limit * HashNode.EntrySize))..];
        uint crc = Crc(seed, block[..(node.EntriesOffset + (node.Count * HashNode.EntrySize))]);
        Put(tail[sizeof(uint)..], Crc(Crc(crc, tail[..sizeof(uint)]), [0, 0, 0, 0]));
    }

    private uint InodeSeed(Ext4Volume volume, uint inode) => InodeSeed(inode, volume.Inodes.Fields(inode).Generation);

    private uint InodeSeed(uint inode, uint generation)
    {
        Span<byte> numbers = stackalloc byte[2 * sizeof(uint)];
        Put(numbers, inode);
        Put(numbers[sizeof(uint)..], generation);
        return Crc(_seed, numbers);
    }

    /// <summary>The kernel's crc32c: neither start nor end inverted.</summary>
    private static uint Crc(uint crc, ReadOnlySpan<byte> data) => ~Crc32C.Compute(data, ~crc);

    private static void Put(Span<byte> target, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(target, value);
}
