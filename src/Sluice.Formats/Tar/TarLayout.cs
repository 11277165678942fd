namespace Sluice.Formats.Tar;

/// <summary>
/// Layout of the 512-byte header block, from POSIX.1-2017 "pax Interchange Format" and the GNU tar manual, "Basic Tar Format".
/// <code>
/// bytes    field      v7  ustar               GNU                          star
/// 0-99     name       x   x                   x                            x
/// 100-107  mode       octal digits, blank- or NUL-terminated; GNU and star also base-256 (first byte has bit 7 set)
/// 108-115  uid
/// 116-123  gid
/// 124-135  size       bytes that follow the header, padded to 512
/// 136-147  mtime      seconds since 1970
/// 148-155  checksum   sum of the header's bytes with this field taken as blanks
/// 156      type
/// 157-256  link       x   x                   x                            x
/// 257-264  magic          "ustar\0" "00"      "ustar  \0"                  "ustar\0" "00"
/// 265-328  user and group names (not used here)
/// 329-336  devmajor       x                   x                            x
/// 337-344  devminor       x                   x                            x
/// 345-     prefix         155 bytes           345 atime, 357 ctime,        131 bytes, atime at 476,
///                                             386 sparse, 482 more, 483 size   ctime at 488, "tar\0" at 508
/// </code>
/// </summary>
internal static class TarLayout
{
    public const int BlockSize = 512;

    public static readonly TarField Name = new(0, 100, "name");
    public static readonly TarField Mode = new(100, 8, "mode");
    public static readonly TarField UserId = new(108, 8, "uid");
    public static readonly TarField GroupId = new(116, 8, "gid");
    public static readonly TarField Size = new(124, 12, "size");
    public static readonly TarField ModificationTime = new(136, 12, "mtime");
    public static readonly TarField Checksum = new(148, 8, "checksum");
    public const int Type = 156;
    public static readonly TarField LinkName = new(157, 100, "link name");
    public static readonly TarField Magic = new(257, 8, "magic");
    public static readonly TarField DeviceMajor = new(329, 8, "devmajor");
    public static readonly TarField DeviceMinor = new(337, 8, "devminor");
    public static readonly TarField Prefix = new(345, 155, "prefix");
    public static readonly TarField StarPrefix = new(345, 131, "prefix");
    public static readonly TarField StarMagic = new(508, 4, "star magic");

    /// <summary>Old GNU sparse header: 4 runs of 12 bytes offset and 12 bytes length, then a flag that extension blocks follow.</summary>
    public static readonly TarField SparseRuns = new(386, 4 * SparseRunSize, "sparse map");
    public const int SparseIsExtended = 482;
    public static readonly TarField SparseRealSize = new(483, 12, "sparse size");

    /// <summary>Old GNU sparse extension block: 21 runs and the flag.</summary>
    public static readonly TarField ExtensionRuns = new(0, 21 * SparseRunSize, "sparse map");
    public const int ExtensionIsExtended = 504;
    public const int SparseRunSize = 24;
    public const int SparseNumberSize = 12;

    public static ReadOnlySpan<byte> PosixMagic => "ustar\0"u8;

    public static ReadOnlySpan<byte> PosixMagicAndVersion => "ustar\000"u8;

    public static ReadOnlySpan<byte> GnuMagic => "ustar  \0"u8;

    public static ReadOnlySpan<byte> StarTrailer => "tar\0"u8;

    /// <summary>Bytes of padding after <paramref name="size"/> bytes of content.</summary>
    public static int Padding(long size) => (int)(-size & (BlockSize - 1));
}
