using System.Runtime.InteropServices;

namespace Sluice.Formats.Ext4;

/// <summary>What reader and writer share: the checked superblock, the cache, and where groups and inodes are.</summary>
internal sealed class Ext4Volume
{
    private const ushort CleanState = 1;
    private const ushort ErrorState = 2;
    private const uint UnsignedHashFlag = 2;

    private readonly CachedBlock _superblock;

    /// <exception cref="InvalidFormatException">No ext4, or one that contradicts itself.</exception>
    /// <exception cref="SluiceException">A file system with features, or in a state, that can't be treated.</exception>
    public Ext4Volume(IBlockStore store, bool forWriting)
        : this(store, new BlockCache(store), forWriting)
    {
    }

    /// <summary>A volume whose superblock is in the cache already.</summary>
    public Ext4Volume(IBlockStore store, BlockCache cache, bool forWriting)
    {
        Store = store;
        Cache = cache;
        if (store.BlockCount < 1) throw Ext4Error.Invalid("the device is empty");
        _superblock = cache.Read(0, BlockKind.Plain);
        Ext4Superblock superblock = Superblock;
        if (superblock.Magic != Ext4Layout.Magic) throw Ext4Error.Invalid("no ext4 file system here (wrong magic)", 0);
        Ext4Features.Check(superblock, forWriting);
        CheckShape(superblock, store.BlockCount);
        if (forWriting) CheckState(superblock);
        BlockCount = ((long)(Has(superblock.Incompatible, Ext4Features.Wide) ? superblock.BlocksHigh : 0) << 32) | superblock.BlocksLow;
        InodeCount = superblock.Inodes;
        InodeSize = superblock.InodeSize;
        FirstInode = Math.Max(superblock.FirstInode, Ext4Layout.FirstInode);
        HasDirectoryIndex = Has(superblock.Compatible, Ext4Features.DirectoryIndex);
        HasDirectoryLinks = Has(superblock.ReadOnlyCompatible, Ext4Features.DirectoryLinks);
        FreeBlocks = ((long)(Has(superblock.Incompatible, Ext4Features.Wide) ? superblock.FreeBlocksHigh : 0) << 32) | superblock.FreeBlocksLow;
        FreeInodes = superblock.FreeInodes;
        Checksums = new MetadataChecksums(superblock, SuperblockBytes);
        Groups = new GroupTable(this);
        Inodes = new InodeTable(this);
        Hash = new DirectoryHash(superblock.HashVersion, (superblock.Flags & UnsignedHashFlag) != 0, SuperblockBytes.Slice(Ext4Superblock.HashSeedOffset, 16));
        cache.LimitTo(BlockCount);
    }

    public IBlockStore Store { get; }

    public BlockCache Cache { get; }

    public GroupTable Groups { get; }

    public InodeTable Inodes { get; }

    public MetadataChecksums Checksums { get; }

    /// <summary>The hash of new directories.</summary>
    public DirectoryHash Hash { get; }

    /// <summary>Blocks of 4 KiB; the device may have more.</summary>
    public long BlockCount { get; }

    public uint InodeCount { get; }

    public int InodeSize { get; }

    /// <summary>The first inode that files may use.</summary>
    public uint FirstInode { get; }

    public bool HasDirectoryIndex { get; }

    public bool HasDirectoryLinks { get; }

    public long FreeBlocks { get; set; }

    public uint FreeInodes { get; set; }

    public ref Ext4Superblock Superblock => ref MemoryMarshal.AsRef<Ext4Superblock>(SuperblockBytes);

    /// <summary>Bytes of a directory block that entries may take; behind them lies the checksum, if there is one.</summary>
    public int DirectoryBytes => Checksums.OfMetadata ? Ext4Layout.BlockSize - DirectoryBlock.TailSize : Ext4Layout.BlockSize;

    /// <summary>Bytes at the end of a directory's index blocks that the checksum takes.</summary>
    public int IndexTail => Checksums.OfMetadata ? HashNode.EntrySize : 0;

    private Span<byte> SuperblockBytes => _superblock.Bytes.AsSpan(Ext4Layout.SuperblockOffset, Ext4Superblock.Size);

    /// <summary>Writes all changed metadata to the store, checksums and totals included.</summary>
    public void Flush()
    {
        Groups.Seal();
        ref Ext4Superblock superblock = ref Superblock;
        if (FreeBlocks != superblock.FreeBlocksLow + ((long)superblock.FreeBlocksHigh << 32) || FreeInodes != superblock.FreeInodes)
        {
            superblock.FreeBlocksLow = (uint)FreeBlocks;
            superblock.FreeBlocksHigh = (uint)(FreeBlocks >> 32);
            superblock.FreeInodes = FreeInodes;
            _superblock.IsDirty = true;
        }

        if (_superblock.IsDirty) Checksums.SealSuperblock(SuperblockBytes);
        Checksums.Seal(this);
        Cache.Flush();
    }

    /// <summary>Adds up what the groups have free, as Linux does when it mounts: the superblock's totals are out of date in images that overlaybd made.</summary>
    public void CountFree()
    {
        long blocks = 0, inodes = 0;
        for (int group = 0; group < Groups.Count; group++)
        {
            GroupDescriptor descriptor = Groups.Read(group);
            blocks += descriptor.FreeBlocks;
            inodes += descriptor.FreeInodes;
        }

        if (blocks > BlockCount || inodes > InodeCount) throw Ext4Error.Invalid("the groups have more free than there is", 0);
        (FreeBlocks, FreeInodes) = (blocks, (uint)inodes);
    }

    /// <summary>Declares that the file system holds files of 2 GiB and more.</summary>
    public void NeedLargeFiles()
    {
        if (Has(Superblock.ReadOnlyCompatible, Ext4Features.LargeFile)) return;
        Superblock.ReadOnlyCompatible |= Ext4Features.LargeFile;
        _superblock.IsDirty = true;
    }

    private static bool Has(uint features, uint feature) => (features & feature) != 0;

    private static void CheckShape(in Ext4Superblock superblock, long deviceBlocks)
    {
        if (superblock.LogBlockSize != 2)
        {
            throw superblock.LogBlockSize > 6
                ? Ext4Error.Invalid("an impossible block size", 0)
                : Ext4Error.Unsupported($"its blocks are {1024 << (int)superblock.LogBlockSize} bytes", "make the file system with blocks of 4096 bytes");
        }

        int inodeSize = superblock.InodeSize;
        if (superblock.Revision == 0 || inodeSize == InodeFields.BaseSize)
            throw Ext4Error.Unsupported("its inodes are 128 bytes", "make the file system with inodes of 256 bytes");
        if (inodeSize is < 256 or > Ext4Layout.BlockSize || (inodeSize & (inodeSize - 1)) != 0) throw Ext4Error.Invalid($"inodes of {inodeSize} bytes", 0);
        bool wide = Has(superblock.Incompatible, Ext4Features.Wide);
        if (wide && superblock.DescriptorSize != GroupDescriptor.WideSize) throw Ext4Error.Invalid($"group descriptors of {superblock.DescriptorSize} bytes", 0);
        if (superblock.FirstDataBlock != 0) throw Ext4Error.Invalid("groups that don't start at block 0", 0);
        if (superblock.BlocksPerGroup is 0 or > 8 * Ext4Layout.BlockSize || superblock.BlocksPerGroup % 64 != 0)
            throw Ext4Error.Invalid($"groups of {superblock.BlocksPerGroup} blocks", 0);
        if (superblock.InodesPerGroup is 0 or > 8 * Ext4Layout.BlockSize || superblock.InodesPerGroup % (Ext4Layout.BlockSize / inodeSize) != 0)
            throw Ext4Error.Invalid($"groups of {superblock.InodesPerGroup} inodes", 0);
        if (superblock.FirstInode > superblock.InodesPerGroup) throw Ext4Error.Invalid($"inode {superblock.FirstInode} as the first one", 0);
        long blocks = ((long)(wide ? superblock.BlocksHigh : 0) << 32) | superblock.BlocksLow;
        if (blocks == 0 || blocks > deviceBlocks) throw Ext4Error.Invalid($"a file system of {blocks} blocks on a device of {deviceBlocks}", 0);
        long groups = (blocks + superblock.BlocksPerGroup - 1) / superblock.BlocksPerGroup;
        if (groups * superblock.InodesPerGroup != superblock.Inodes) throw Ext4Error.Invalid($"{superblock.Inodes} inodes in {groups} groups", 0);
    }

    private static void CheckState(in Ext4Superblock superblock)
    {
        if ((superblock.State & (CleanState | ErrorState)) != CleanState || superblock.LastOrphan != 0)
            throw Ext4Error.Unsupported("it was not cleanly unmounted", "run e2fsck on it");
    }
}
