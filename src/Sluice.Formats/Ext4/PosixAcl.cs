using System.Buffers.Binary;

namespace Sluice.Formats.Ext4;

/// <summary>
/// Access control lists, which ext4 keeps shorter than programs see them. For programs: u32 version 2, then entries of u16 tag,
/// u16 permissions, u32 id. On disk: u32 version 1, and entries have an id only where it means something (named users and groups).
/// </summary>
internal static class PosixAcl
{
    private const uint ProgramVersion = 2;
    private const uint DiskVersion = 1;
    private const int ShortEntry = 4;
    private const int LongEntry = 8;
    private const uint NoId = uint.MaxValue;

    /// <summary>Null when the value is no access control list.</summary>
    public static byte[]? ToDisk(ReadOnlySpan<byte> value)
    {
        if (value.Length < 4 || value.Length % LongEntry != 4 || Word(value) != ProgramVersion) return null;
        byte[] disk = new byte[value.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(disk, DiskVersion);
        int length = 4;
        for (ReadOnlySpan<byte> rest = value[4..]; !rest.IsEmpty; rest = rest[LongEntry..])
        {
            int size = HasId(rest) ? LongEntry : ShortEntry;
            rest[..size].CopyTo(disk.AsSpan(length));
            length += size;
        }

        return disk[..length];
    }

    /// <exception cref="InvalidFormatException">Not a list as ext4 keeps it.</exception>
    public static byte[] FromDisk(ReadOnlySpan<byte> value)
    {
        if (value.Length < 4 || Word(value) != DiskVersion) throw Ext4Error.Invalid("an unknown kind of access control list");
        byte[] full = new byte[4 + (2 * value.Length)];
        BinaryPrimitives.WriteUInt32LittleEndian(full, ProgramVersion);
        int length = 4;
        for (ReadOnlySpan<byte> rest = value[4..]; !rest.IsEmpty;)
        {
            int size = rest.Length >= ShortEntry && HasId(rest) ? LongEntry : ShortEntry;
            if (rest.Length < size) throw Ext4Error.Invalid("an access control list ends within an entry");
            BinaryPrimitives.WriteUInt32LittleEndian(full.AsSpan(length + 4), NoId);
            rest[..size].CopyTo(full.AsSpan(length));
            length += LongEntry;
            rest = rest[size..];
        }

        return full[..length];
    }

    /// <summary>Tags: 1 owner, 2 user, 4 owning group, 8 group, 16 mask, 32 others.</summary>
    private static bool HasId(ReadOnlySpan<byte> entry) => BinaryPrimitives.ReadUInt16LittleEndian(entry) is 2 or 8;

    private static uint Word(ReadOnlySpan<byte> value) => BinaryPrimitives.ReadUInt32LittleEndian(value);
}
