namespace Sluice.Formats.Ext4;

/// <summary>The feature bits of a superblock, and which of them are understood.</summary>
internal static class Ext4Features
{
    // Compatible: whoever knows a bit not may still read and write.
    public const uint ExtendedAttributes = 0x8;
    public const uint DirectoryIndex = 0x20;
    public const uint SparseSuper2 = 0x200;

    // Incompatible: whoever knows a bit not must stay away.
    public const uint FileType = 0x2;
    public const uint Recover = 0x4;
    public const uint Extents = 0x40;
    public const uint Wide = 0x80;
    public const uint FlexGroups = 0x200;
    public const uint ChecksumSeed = 0x2000;

    // Read-only compatible: whoever knows a bit not may read.
    public const uint SparseSuper = 0x1;
    public const uint LargeFile = 0x2;
    public const uint HugeFile = 0x8;
    public const uint GroupChecksum = 0x10;
    public const uint DirectoryLinks = 0x20;
    public const uint ExtraSize = 0x40;
    public const uint MetadataChecksum = 0x400;

    /// <summary>Bitmaps and extents of other units: read-only compatible by its place, but we read neither.</summary>
    private const uint BigAllocation = 0x200;

    private const uint KnownIncompatible = FileType | Extents | Wide | FlexGroups | ChecksumSeed;
    private const uint RequiredIncompatible = FileType | Extents;
    private const uint KnownReadOnlyCompatible = SparseSuper | LargeFile | HugeFile | GroupChecksum | DirectoryLinks | ExtraSize | MetadataChecksum;

    private static readonly string[] Incompatible =
    [
        "compression", "filetype", "needs_recovery", "journal_dev", "meta_bg", "", "extent", "64bit", "mmp", "flex_bg", "ea_inode", "", "dirdata",
        "metadata_csum_seed", "large_dir", "inline_data", "encrypt", "casefold",
    ];

    private static readonly string[] ReadOnlyCompatible =
    [
        "sparse_super", "large_file", "btree_dir", "huge_file", "uninit_bg", "dir_nlink", "extra_isize", "snapshot", "quota", "bigalloc", "metadata_csum",
        "replica", "read-only", "project", "shared_blocks", "verity", "orphan_present",
    ];

    public static void Check(in Ext4Superblock superblock, bool forWriting)
    {
        if ((superblock.Incompatible & Recover) != 0)
        {
            throw Ext4Error.Unsupported("its journal has not been replayed", "mount it once with Linux, or run e2fsck on it");
        }

        uint missing = RequiredIncompatible & ~superblock.Incompatible;
        if (missing != 0) throw Ext4Error.Unsupported($"it lacks {Names(missing, Incompatible)}", "only ext4 with extents is supported");
        Refuse(superblock.Incompatible & ~KnownIncompatible, Incompatible);
        if (forWriting) Refuse(superblock.ReadOnlyCompatible & ~KnownReadOnlyCompatible, ReadOnlyCompatible);
        else Refuse(superblock.ReadOnlyCompatible & BigAllocation, ReadOnlyCompatible);
    }

    private static void Refuse(uint bits, string[] names)
    {
        if (bits != 0) throw Ext4Error.Unsupported($"it uses {Names(bits, names)}", "make the file system without this feature");
    }

    private static string Names(uint bits, string[] names)
    {
        IEnumerable<int> set = Enumerable.Range(0, 32).Where(bit => (bits >> bit & 1) != 0);
        return string.Join(", ", set.Select(bit => bit < names.Length && names[bit].Length > 0 ? names[bit] : $"feature bit {bit}"));
    }
}
