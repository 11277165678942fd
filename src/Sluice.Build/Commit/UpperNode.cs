using System.Buffers.Binary;
using Sluice.Formats.Trees;

namespace Sluice.Build.Commit;

/// <summary>What statx(2) and the attribute calls say about one name of an overlayfs upper directory.</summary>
/// <param name="Blocks">Allocated, of 512 bytes.</param>
/// <param name="Attributes">All of them, sorted by name.</param>
internal sealed record UpperNode(
    FileType Type, ushort Mode, uint UserId, uint GroupId, FileTime ModificationTime, long Size, long Blocks, uint Links, DeviceNumber Device,
    (ulong Device, ulong Inode) Identity, IReadOnlyList<ExtendedAttribute> Attributes)
{
    /// <summary>Bytes of struct statx.</summary>
    public const int StatusLength = 256;

    /// <summary>overlayfs' mark that a lower name is hidden: a device 0:0, or in overlays on overlays an empty file with an attribute.</summary>
    public bool IsWhiteout => (Type == FileType.CharacterDevice && Device == default) || (Type == FileType.Regular && Size == 0 && Note("whiteout") is not null);

    /// <summary>The directory hides all that is below it.</summary>
    public bool IsOpaque => Note("opaque") is [(byte)'y'];

    /// <summary>The directory shows a lower one of another name.</summary>
    public bool IsRedirected => Note("redirect") is not null;

    /// <summary>The file's content is still in a lower layer.</summary>
    public bool IsMetadataOnly => Note("metacopy") is not null;

    /// <param name="status">struct statx.</param>
    public static UpperNode Read(ReadOnlySpan<byte> status, IReadOnlyList<ExtendedAttribute> attributes)
    {
        ushort mode = BinaryPrimitives.ReadUInt16LittleEndian(status[28..]);
        return new UpperNode(
            (FileType)(mode & 0xF000),
            (ushort)(mode & 0xFFF),
            BinaryPrimitives.ReadUInt32LittleEndian(status[20..]),
            BinaryPrimitives.ReadUInt32LittleEndian(status[24..]),
            new FileTime(BinaryPrimitives.ReadInt64LittleEndian(status[112..]), BinaryPrimitives.ReadUInt32LittleEndian(status[120..])),
            BinaryPrimitives.ReadInt64LittleEndian(status[40..]),
            BinaryPrimitives.ReadInt64LittleEndian(status[48..]),
            BinaryPrimitives.ReadUInt32LittleEndian(status[16..]),
            new DeviceNumber(BinaryPrimitives.ReadUInt32LittleEndian(status[128..]), BinaryPrimitives.ReadUInt32LittleEndian(status[132..])),
            (BinaryPrimitives.ReadUInt64LittleEndian(status[136..]), BinaryPrimitives.ReadUInt64LittleEndian(status[32..])),
            attributes);
    }

    private byte[]? Note(string name) =>
        Attributes.Where(attribute => attribute.Name == new FileName("trusted.overlay." + name) || attribute.Name == new FileName("user.overlay." + name)).Select(attribute => attribute.Value).FirstOrDefault();
}
