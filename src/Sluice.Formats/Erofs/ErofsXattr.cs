namespace Sluice.Formats.Erofs;

/// <summary>
/// Extended attributes behind an inode: a 12-byte header (u32 0, u8 number of shared attributes = 0, 7 zero bytes), then
/// entries {u8 name length, u8 prefix index, u16 value size, name without prefix, value}, each padded to 4 bytes. The inode's
/// xattr count is 0 without attributes, else (bytes − 12) / 4 + 1.
/// </summary>
internal static class ErofsXattr
{
    public const int HeaderSize = 12;
    public const int EntrySize = 4;
    public const int MaxValueSize = ushort.MaxValue;

    /// <summary>The largest body that a 16-bit xattr count can describe.</summary>
    public const int MaxBodySize = HeaderSize + ((ushort.MaxValue - 1) * EntrySize);

    /// <summary>Bytes behind the inode for the on-disk xattr count.</summary>
    public static int BodySize(ushort count) => count == 0 ? 0 : HeaderSize + ((count - 1) * EntrySize);

    public static ushort Count(int bodySize) => bodySize == 0 ? (ushort)0 : (ushort)(((bodySize - HeaderSize) / EntrySize) + 1);

    public static int PaddedEntrySize(int nameLength, int valueSize) => (EntrySize + nameLength + valueSize + 3) & ~3;

    /// <summary>Prefix of an index, or an empty span for indexes that EROFS does not define for images like ours.</summary>
    public static ReadOnlySpan<byte> Prefix(byte index) => index switch
    {
        1 => "user."u8,
        2 => "system.posix_acl_access"u8,
        3 => "system.posix_acl_default"u8,
        4 => "trusted."u8,
        6 => "security."u8,
        _ => default,
    };

    /// <summary>
    /// Splits a full name into prefix index and length of the prefix. False when EROFS cannot store the name: unknown
    /// prefix, nothing behind the prefix, or more than 255 bytes behind it.
    /// </summary>
    public static bool TrySplit(ReadOnlySpan<byte> name, out byte index, out int prefixLength)
    {
        for (index = 1; index <= 6; index++)
        {
            ReadOnlySpan<byte> prefix = Prefix(index);
            prefixLength = prefix.Length;
            bool whole = index is 2 or 3;
            if (prefixLength == 0 || !name.StartsWith(prefix)) continue;
            int rest = name.Length - prefixLength;
            if (whole ? rest == 0 : rest is > 0 and <= 255) return true;
        }

        prefixLength = 0;
        return false;
    }
}
