using System.Numerics;
using System.Runtime.InteropServices;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>
/// Makes a file system on a device of zeros. All metadata of all groups lies at the front, no journal, no copies of the
/// superblock; groups and inode tables are marked as not in use, so that about 70 KiB of a 64 GiB device are written. There is no
/// <c>lost+found</c>: Linux needs none, e2fsck makes one when it has something to put there, and containers would see it.
/// </summary>
public static class Ext4Formatter
{
    private const int BlocksPerGroup = 8 * Ext4Layout.BlockSize;
    private const int InodeSize = 256;
    private const int InodesPerBlock = Ext4Layout.BlockSize / InodeSize;
    private const int BootBlocks = 1;
    private const long MinSize = 1 << 20;
    private const ushort DefaultModeRoot = 0x1ED; // 0755

    /// <exception cref="SluiceException">A size that can't be, or that the device doesn't have.</exception>
    public static void Format(IBlockStore store, Ext4FormatOptions options)
    {
        if (options.Size is < MinSize or > (long)uint.MaxValue << Ext4Layout.BlockBits || options.Size % Ext4Layout.BlockSize != 0)
            throw new SluiceException(SluiceError.Usage, "block image", $"an ext4 of {options.Size} bytes can't be made", "1 MiB to 16 TiB, a multiple of 4 KiB");
        long blocks = options.Size >> Ext4Layout.BlockBits;
        if (blocks > store.BlockCount) throw new SluiceException(SluiceError.Usage, "block image", $"the device has {store.BlockCount} blocks, not {blocks}");

        var cache = new BlockCache(store);
        var plan = new Plan(blocks, options);
        WriteSuperblock(cache, plan, options);
        for (int block = 0; block < plan.DescriptorBlocks; block++) cache.Zero(BootBlocks + block, BlockKind.Descriptors);
        var volume = new Ext4Volume(store, cache, forWriting: true);
        for (int group = 0; group < plan.Groups; group++) WriteDescriptor(volume, plan, group);

        var fileSystem = new Ext4FileSystem(volume);
        fileSystem.ReserveInodes();
        var time = new FileTime(options.Time, 0);
        fileSystem.CreateRoot(new Inode { Type = FileType.Directory, Mode = DefaultModeRoot, ModificationTime = time });
        fileSystem.Flush();
    }

    private static void WriteSuperblock(BlockCache cache, Plan plan, Ext4FormatOptions options)
    {
        Span<byte> bytes = cache.Zero(0, BlockKind.Plain).Bytes.AsSpan(Ext4Layout.SuperblockOffset, Ext4Superblock.Size);
        ref Ext4Superblock superblock = ref MemoryMarshal.AsRef<Ext4Superblock>(bytes);
        superblock.Magic = Ext4Layout.Magic;
        superblock.Revision = 1;
        superblock.State = 1; // clean
        superblock.ErrorBehaviour = 1; // go on
        superblock.MaxMountCount = ushort.MaxValue; // never checked for its mounts
        superblock.Inodes = (uint)plan.Inodes;
        superblock.BlocksLow = (uint)plan.Blocks;
        superblock.FreeBlocksLow = (uint)(plan.Blocks - plan.MetadataBlocks);
        superblock.FreeInodes = (uint)plan.Inodes;
        superblock.LogBlockSize = superblock.LogClusterSize = 2; // 1024 << 2
        superblock.BlocksPerGroup = superblock.ClustersPerGroup = BlocksPerGroup;
        superblock.InodesPerGroup = (uint)plan.InodesPerGroup;
        superblock.FirstInode = Ext4Layout.FirstInode;
        superblock.InodeSize = InodeSize;
        superblock.MinExtraSize = superblock.WantedExtraSize = InodeFields.FullExtraSize;
        superblock.WriteTime = superblock.LastCheck = superblock.MakeTime = options.Time;
        superblock.Compatible = Ext4Features.ExtendedAttributes | Ext4Features.DirectoryIndex | Ext4Features.SparseSuper2;
        superblock.Incompatible = Ext4Features.FileType | Ext4Features.Extents | Ext4Features.FlexGroups;
        superblock.ReadOnlyCompatible = Ext4Features.SparseSuper | Ext4Features.LargeFile | Ext4Features.HugeFile | Ext4Features.GroupChecksum
            | Ext4Features.DirectoryLinks | Ext4Features.ExtraSize;
        superblock.HashVersion = DirectoryHash.HalfMd4;
        superblock.Flags = 1; // signed characters, as x86 has them
        superblock.DefaultMountOptions = 0xC; // user_xattr, acl
        superblock.LogGroupsPerFlex = (byte)BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)plan.Groups));
        superblock.OverheadBlocks = (uint)plan.MetadataBlocks;
        options.Uuid.TryWriteBytes(bytes[Ext4Superblock.UuidOffset..], bigEndian: true, out _);
        options.HashSeed.TryWriteBytes(bytes[Ext4Superblock.HashSeedOffset..], bigEndian: true, out _);
    }

    private static void WriteDescriptor(Ext4Volume volume, Plan plan, int group)
    {
        GroupDescriptor descriptor = volume.Groups.Change(group);
        descriptor.BlockBitmap = plan.FirstBitmap + group;
        descriptor.InodeBitmap = plan.FirstBitmap + plan.Groups + group;
        descriptor.InodeTable = plan.FirstTable + ((long)group * plan.TableBlocks);
        descriptor.FreeInodes = descriptor.UnusedInodes = plan.InodesPerGroup;
        int size = volume.Groups.BlocksOf(group);
        int used = (int)Math.Clamp(plan.MetadataBlocks - volume.Groups.FirstBlockOf(group), 0, size);
        descriptor.FreeBlocks = size - used;
        descriptor.Flags = GroupDescriptor.InodesUninitialised | GroupDescriptor.InodesZeroed;
        if (used == 0 && group < plan.Groups - 1) descriptor.Flags |= GroupDescriptor.BlocksUninitialised; // e2fsck wants the last bitmap
        if (used == 0 && size == BlocksPerGroup) return;

        Span<byte> bitmap = volume.Cache.Zero(descriptor.BlockBitmap, BlockKind.Plain).Bytes;
        Bitmap.Set(bitmap, 0, used);
        Bitmap.Set(bitmap, size, BlocksPerGroup - size);
    }

    /// <summary>How much of everything, and where.</summary>
    private sealed class Plan
    {
        public Plan(long blocks, Ext4FormatOptions options)
        {
            Blocks = blocks;
            Groups = (int)((blocks + BlocksPerGroup - 1) / BlocksPerGroup);
            long wanted = Math.Max(Ext4Layout.FirstInode, options.Size / options.BytesPerInode);
            long perGroup = (wanted + Groups - 1) / Groups;
            InodesPerGroup = (int)Math.Min((perGroup + InodesPerBlock - 1) / InodesPerBlock * InodesPerBlock, BlocksPerGroup);
            TableBlocks = InodesPerGroup / InodesPerBlock;
            DescriptorBlocks = (int)Ext4Layout.Blocks((long)Groups * GroupDescriptor.Size);
            FirstBitmap = BootBlocks + DescriptorBlocks;
            FirstTable = FirstBitmap + (2L * Groups);
            MetadataBlocks = FirstTable + ((long)Groups * TableBlocks);
            if (MetadataBlocks + 8 > blocks || Inodes > uint.MaxValue)
                throw new SluiceException(SluiceError.Usage, "block image", $"{Inodes} inodes are too many for {blocks} blocks");
        }

        public long Blocks { get; }

        public int Groups { get; }

        public int InodesPerGroup { get; }

        public long Inodes => (long)Groups * InodesPerGroup;

        public int TableBlocks { get; }

        public int DescriptorBlocks { get; }

        public long FirstBitmap { get; }

        public long FirstTable { get; }

        public long MetadataBlocks { get; }
    }
}
