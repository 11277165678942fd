namespace Sluice.Formats.Trees;

/// <summary>One extended attribute: full name with its prefix (<c>user.</c>, <c>security.</c> …) and binary value.</summary>
public readonly record struct ExtendedAttribute(FileName Name, byte[] Value);

/// <summary>Seconds (may be negative) since 1970 and nanoseconds 0..999,999,999.</summary>
public readonly record struct FileTime(long Seconds, uint Nanoseconds);

/// <summary>Device number of a character or block device.</summary>
public readonly record struct DeviceNumber(uint Major, uint Minor);

/// <summary>
/// A file system object without its name: what an inode is. Names live in the directory that holds it; an inode that
/// several names hold is a hard link. Inode trees are what converters build, what image readers return and what writers take.
/// </summary>
public sealed class Inode
{
    public required FileType Type { get; init; }

    /// <summary>Permission bits with setuid, setgid and sticky: 0..07777, never the type bits.</summary>
    public ushort Mode { get; set; }

    public uint UserId { get; set; }

    public uint GroupId { get; set; }

    public FileTime ModificationTime { get; set; }

    /// <summary>Size in bytes of a regular file, length of a link target; 0 for everything else.</summary>
    public long Size { get; set; }

    /// <summary>Only for character and block devices.</summary>
    public DeviceNumber Device { get; set; }

    /// <summary>Only for symbolic links.</summary>
    public FileName LinkTarget { get; set; }

    /// <summary>Sorted by name; names are unique.</summary>
    public IReadOnlyList<ExtendedAttribute> ExtendedAttributes { get; set; } = [];

    /// <summary>Only for regular files: where the content is, in file order; every chunk but the last is of the image's chunk size.</summary>
    public IReadOnlyList<ChunkReference> Chunks { get; set; } = [];

    /// <summary>Only for directories: name to inode, in bytewise order, without <c>.</c> and <c>..</c>.</summary>
    public SortedDictionary<FileName, Inode>? Entries { get; init; }

    public static Inode NewDirectory(ushort mode = 0x1ED /* 0755 */) =>
        new() { Type = FileType.Directory, Mode = mode, Entries = [] };
}
