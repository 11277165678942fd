using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

public sealed partial class Ext4FileSystem
{
    private const long SmallFile = int.MaxValue;

    /// <summary>Makes an inode without a name: anything but a directory. It must get its first name by <see cref="Link"/> before the next flush.</summary>
    /// <param name="attributes">Type, attributes, link target, device; its size doesn't count.</param>
    /// <param name="content">Of a regular file; null for an empty one.</param>
    /// <exception cref="Ext4FullException">No inode or block is left, or the extended attributes are too large.</exception>
    public uint Create(Inode attributes, Ext4Content? content = null)
    {
        if (attributes.Type == FileType.Directory) throw new ArgumentException("directories are made with a name", nameof(attributes));
        if (attributes.Type == FileType.SymbolicLink) CheckTarget(attributes.LinkTarget);
        uint inode = Allocate(attributes);
        Span<byte> record = _volume.Inodes.ChangeRecord(inode);
        ref InodeFields fields = ref InodeTable.FieldsOf(record);
        switch (attributes.Type)
        {
            case FileType.Regular:
                SetContent(inode, content ?? NoContent);
                break;
            case FileType.SymbolicLink when attributes.LinkTarget.Length < Ext4Layout.InlineLinkLength:
                attributes.LinkTarget.Bytes.CopyTo(InodeTable.BlocksOf(record));
                fields.FileSize = attributes.LinkTarget.Length;
                break;
            case FileType.SymbolicLink:
                SetContent(inode, WriteTarget(attributes.LinkTarget));
                break;
            case FileType.CharacterDevice or FileType.BlockDevice:
                if (!DeviceEncoding.TryEncode(attributes.Device, out fields.Block0, out fields.Block1))
                    throw Ext4Error.Unsupported($"device {attributes.Device.Major}:{attributes.Device.Minor}", "Linux has majors below 4096 and minors below 1048576");
                break;
        }

        return inode;
    }

    /// <summary>Makes a directory under a name that is not there yet; returns its inode.</summary>
    /// <exception cref="Ext4FullException">No inode is left, the parent has too many subdirectories, or the extended attributes are too large.</exception>
    public uint CreateDirectory(uint parent, FileName name, Inode attributes)
    {
        CheckName(name);
        uint inode = Allocate(attributes);
        InitialiseDirectory(inode, parent);
        Directory(parent).Add(new DirectoryName(name, inode, DirectoryEntryType.Of(FileType.Directory)));
        CountSubdirectory(parent, 1);
        return inode;
    }

    /// <summary>Replaces permissions, owner, times and all extended attributes.</summary>
    /// <exception cref="Ext4FullException">The extended attributes are too large.</exception>
    public void SetAttributes(uint inode, Inode attributes)
    {
        ref InodeFields fields = ref _volume.Inodes.Change(inode);
        if (fields.ExtraSize != InodeFields.FullExtraSize)
        {
            // Attributes lie right behind the fields; what is between must be known to be zero.
            _volume.Inodes.ChangeRecord(inode)[InodeFields.BaseSize..].Clear();
            fields.ExtraSize = InodeFields.FullExtraSize;
        }

        fields.Mode = (ushort)((fields.Mode & Ext4Layout.TypeMask) | (attributes.Mode & ~Ext4Layout.TypeMask));
        fields.UserId = attributes.UserId;
        fields.GroupId = attributes.GroupId;
        fields.SetTimes(attributes.ModificationTime);
        _attributes.Set(inode, attributes.ExtendedAttributes);
    }

    /// <summary>The root of a new file system.</summary>
    internal void CreateRoot(Inode attributes)
    {
        _inodes.TakeRoot();
        _volume.Inodes.Change(Root).Mode = (ushort)attributes.Type;
        SetAttributes(Root, attributes);
        InitialiseDirectory(Root, Root);
    }

    /// <summary>Marks the inodes below the first usable one as used.</summary>
    internal void ReserveInodes() => _inodes.Reserve((int)Ext4Layout.FirstInode - 1);

    private static readonly Ext4Content NoContent = new(0, []);

    private uint Allocate(Inode attributes)
    {
        uint inode = _inodes.Allocate(attributes.Type == FileType.Directory);
        _volume.Inodes.Change(inode).Mode = (ushort)attributes.Type;
        SetAttributes(inode, attributes);
        return inode;
    }

    private void InitialiseDirectory(uint inode, uint parent)
    {
        _volume.Inodes.Change(inode).Links = 2;
        _directories.Add(inode, Ext4Directory.Create(_volume, _blocks, inode, parent));
    }

    private void SetContent(uint inode, Ext4Content content)
    {
        Span<byte> record = _volume.Inodes.ChangeRecord(inode);
        long blocks = ExtentTree.Write(_volume, _blocks, inode, InodeTable.BlocksOf(record), content.Extents);
        foreach (Ext4Extent extent in content.Extents) blocks += extent.Count;
        ref InodeFields fields = ref InodeTable.FieldsOf(record);
        fields.Flags |= InodeFields.ExtentsFlag;
        fields.FileSize = content.Size;
        fields.Blocks += blocks;
        if (content.Size > SmallFile) _volume.NeedLargeFiles();
    }

    private static void CheckTarget(FileName target)
    {
        if (target.Length is 0 or >= Ext4Layout.BlockSize || target.Bytes.Contains((byte)0))
            throw Ext4Error.Unsupported($"a link target of {target.Length} bytes", "Linux has targets of 1 to 4095 bytes without zeros");
    }

    private Ext4Content WriteTarget(FileName target)
    {
        Span<byte> bytes = stackalloc byte[Ext4Layout.BlockSize];
        bytes.Clear();
        target.Bytes.CopyTo(bytes);
        long block = _blocks.Allocate(1).Block;
        _volume.Store.WriteData(block, bytes);
        return new Ext4Content(target.Length, [new Ext4Extent(0, block, 1)]);
    }
}
