using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>
/// An ext4 file system that layers are applied to. Inodes are numbers, names are bytes, nothing follows links, and no operation
/// touches a time that it wasn't told to: the same calls on the same device give the same bytes.
/// </summary>
/// <remarks>
/// <para>
/// Content goes to the store as it comes, metadata at <see cref="Flush"/>. After an exception the file system is unusable, and
/// what the store was given must be thrown away. Not thread-safe.
/// </para>
/// <para>
/// Opens what mke2fs and Linux make: blocks of 4 KiB, inodes of 256 bytes or more, extents; any of 64bit, flex_bg, uninit_bg,
/// metadata_csum, sparse_super(2), dir_index, dir_nlink, large_file, huge_file, extra_isize; a clean journal, which is not
/// written to. Anything else is a <see cref="SluiceException"/> that names the feature.
/// </para>
/// </remarks>
public sealed partial class Ext4FileSystem
{
    /// <summary>The inode of the root directory.</summary>
    public const uint Root = Ext4Layout.RootInode;

    private readonly Ext4Volume _volume;
    private readonly BlockAllocator _blocks;
    private readonly InodeAllocator _inodes;
    private readonly ContentWriter _content;
    private readonly XattrWriter _attributes;
    private readonly Dictionary<uint, Ext4Directory> _directories = [];
    private readonly List<uint> _removed = [];

    internal Ext4FileSystem(Ext4Volume volume)
    {
        _volume = volume;
        _blocks = new BlockAllocator(volume);
        _inodes = new InodeAllocator(volume);
        _content = new ContentWriter(volume, _blocks);
        _attributes = new XattrWriter(volume, _blocks);
    }

    /// <exception cref="InvalidFormatException">No ext4, or a damaged one.</exception>
    /// <exception cref="SluiceException">Features that are not implemented, or a state that needs e2fsck.</exception>
    public static Ext4FileSystem Open(IBlockStore store)
    {
        var volume = new Ext4Volume(store, forWriting: true);
        volume.CountFree();
        return new Ext4FileSystem(volume);
    }

    /// <summary>Names of extended attributes that ext4 can't hold and that were left out.</summary>
    public IReadOnlyCollection<FileName> DroppedAttributes => _attributes.Dropped;

    /// <summary>Blocks of 4 KiB that are free; what was removed counts after the next flush.</summary>
    public long FreeBlocks => _volume.FreeBlocks;

    /// <summary>Puts a file's content on the device; <see cref="Create"/> gives it an inode, or <see cref="Discard"/> takes it back.</summary>
    /// <param name="size">Bytes, holes included.</param>
    /// <param name="runs">What the file has besides holes, sorted and disjoint; null for a file without holes.</param>
    /// <exception cref="Ext4FullException">It doesn't fit; nothing was read.</exception>
    public Ext4Content WriteContent(long size, IReadOnlyList<SparseRun>? runs, IFileContent content) => _content.Write(size, runs, content);

    /// <summary>Gives content back that no inode got.</summary>
    public void Discard(Ext4Content content)
    {
        _content.Flush();
        foreach (Ext4Extent extent in content.Extents) _blocks.Free(extent.Physical, extent.Count);
    }

    /// <summary>Writes everything to the store that is not there yet. The file system can be used on.</summary>
    public void Flush()
    {
        _content.Flush();
        FreeRemoved();
        var builder = new DirectoryBuilder(_volume, _blocks);
        foreach (uint inode in _directories.Keys.Order()) _directories[inode].Flush(builder);
        _volume.Flush();
    }

    private Ext4Directory Directory(uint inode)
    {
        if (_directories.TryGetValue(inode, out Ext4Directory? directory)) return directory;
        if (TypeOf(inode) != FileType.Directory) throw Ext4Error.Invalid($"inode {inode} is no directory");
        directory = Ext4Directory.Open(_volume, _blocks, inode);
        _directories.Add(inode, directory);
        return directory;
    }
}
