using System.Text;
using static System.Buffers.Binary.BinaryPrimitives;

namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>The header or the trailer of an LSMT file: 4096 bytes of the same layout, little-endian. It has no checksum.</summary>
/// <remarks>
/// <code>
/// 0    8  "LSMT" 0 1 2 0                    56  37  UUID as text, NUL
/// 8   16  65 7e 63 d2 ... ae 8a             93  37  UUID of the parent
/// 24   4  390                              130   2  reserved
/// 28   4  flags                            132   1  version 1     133  1  sub-version 1
/// 32   8  offset of the index              134 256  user tag
/// 40   8  entries of the index             390      zeros
/// 48   8  size of the device in bytes
/// </code>
/// Facts: overlaybd, <c>src/overlaybd/lsmt/file.cpp</c>.
/// </remarks>
public sealed record LsmtHeader
{
    /// <summary>Bytes of a header or a trailer.</summary>
    public const int Size = 4096;

    /// <summary>Of a layer without a parent.</summary>
    public const string NoUuid = "00000000-0000-0000-0000-000000000000";

    /// <summary>Bytes of the longest user tag in UTF-8.</summary>
    public const int MaxUserTag = 256;

    internal const string Format = "lsmt";

    private const int StructSize = 390;
    private const int UuidLength = 37;

    public LsmtFlags Flags { get; init; }

    /// <summary>Bytes from the start of the file.</summary>
    public long IndexOffset { get; init; }

    /// <summary>Entries of 16 bytes, padding included.</summary>
    public int IndexCount { get; init; }

    /// <summary>Bytes of the device; 0 in a writable layer that takes the size of the layer below.</summary>
    public long VirtualSize { get; init; }

    /// <summary>As it is written: the format's own tools make upper-case and lower-case ones. At most 36 ASCII characters.</summary>
    public string Uuid { get; init; } = NoUuid;

    public string ParentUuid { get; init; } = NoUuid;

    /// <summary>Any text, such as a commit message: at most <see cref="MaxUserTag"/> bytes of UTF-8.</summary>
    public string UserTag { get; init; } = "";

    /// <summary>Bytes of the index, padding entries included.</summary>
    public long IndexLength => IndexCount * (long)LsmtExtent.Bytes;

    internal static ReadOnlySpan<byte> Magic =>
        [0x4C, 0x53, 0x4D, 0x54, 0, 1, 2, 0, 0x65, 0x7E, 0x63, 0xD2, 0x94, 0x44, 0x08, 0x4C, 0xA2, 0xD2, 0xC8, 0xEC, 0x4F, 0xCF, 0xAE, 0x8A];

    /// <summary>True if <paramref name="bytes"/> begin like a header or trailer.</summary>
    public static bool IsMatch(ReadOnlySpan<byte> bytes) => bytes.StartsWith(Magic);

    /// <summary>The header of an empty writable layer's data file; with <paramref name="sparse"/>, of one without a log.</summary>
    public static LsmtHeader ForData(long virtualSize, string uuid, string parentUuid, bool sparse = false) => new()
    {
        Flags = LsmtFlags.Header | LsmtFlags.DataFile | (sparse ? LsmtFlags.Sparse : 0),
        VirtualSize = virtualSize,
        Uuid = uuid,
        ParentUuid = parentUuid,
    };

    /// <summary>The header of the log that belongs to a data file.</summary>
    public static LsmtHeader ForLog(LsmtHeader data) => data with { Flags = LsmtFlags.Header, IndexOffset = Size, IndexCount = 0 };

    /// <summary>Reads a header or a trailer.</summary>
    /// <param name="bytes">At least 4096 bytes.</param>
    /// <exception cref="InvalidFormatException">Not LSMT, cut off, or with impossible fields.</exception>
    public static LsmtHeader Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Size) throw Error("a header or trailer is cut off");
        if (!IsMatch(bytes)) throw Error("this is not an LSMT file");
        uint size = ReadUInt32LittleEndian(bytes[24..]);
        if (size != StructSize) throw Error($"a header of {size} bytes");
        ulong indexOffset = ReadUInt64LittleEndian(bytes[32..]);
        ulong indexCount = ReadUInt64LittleEndian(bytes[40..]);
        ulong virtualSize = ReadUInt64LittleEndian(bytes[48..]);
        if (indexOffset > long.MaxValue / 2) throw Error($"an index at {indexOffset}");
        if (indexCount > LsmtLimits.MaxLogEntries) throw Error($"{indexCount} index entries");
        if (virtualSize > (ulong)LsmtLimits.MaxVirtualSize) throw Error($"a device of {virtualSize} bytes");
        return new LsmtHeader
        {
            Flags = (LsmtFlags)ReadUInt32LittleEndian(bytes[28..]),
            IndexOffset = (long)indexOffset,
            IndexCount = (int)indexCount,
            VirtualSize = (long)virtualSize,
            Uuid = Text(bytes.Slice(56, UuidLength)),
            ParentUuid = Text(bytes.Slice(93, UuidLength)),
            UserTag = Text(bytes.Slice(134, MaxUserTag)),
        };
    }

    /// <summary>Writes its <see cref="Size"/> bytes.</summary>
    internal void Write(Stream output)
    {
        Span<byte> bytes = stackalloc byte[Size];
        Write(bytes);
        output.Write(bytes);
    }

    /// <summary>Writes the 4096 bytes.</summary>
    /// <exception cref="SluiceException">A text is too long.</exception>
    public void Write(Span<byte> destination)
    {
        Span<byte> bytes = destination[..Size];
        bytes.Clear();
        Magic.CopyTo(bytes);
        WriteInt32LittleEndian(bytes[24..], StructSize);
        WriteUInt32LittleEndian(bytes[28..], (uint)Flags);
        WriteInt64LittleEndian(bytes[32..], IndexOffset);
        WriteInt64LittleEndian(bytes[40..], IndexCount);
        WriteInt64LittleEndian(bytes[48..], VirtualSize);
        Put(Uuid, bytes.Slice(56, UuidLength - 1), nameof(Uuid));
        Put(ParentUuid, bytes.Slice(93, UuidLength - 1), nameof(ParentUuid));
        bytes[132] = 1;
        bytes[133] = 1;
        Put(UserTag, bytes.Slice(134, MaxUserTag), nameof(UserTag));
    }

    internal static InvalidFormatException Error(string message, long offset = -1) => new(Format, message, offset);

    private static void Put(string text, Span<byte> field, string name)
    {
        if (!Encoding.UTF8.TryGetBytes(text, field, out _)) throw new SluiceException(SluiceError.Usage, Format, $"{name} '{text}' is longer than {field.Length} bytes");
    }

    private static string Text(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }
}
