using System.Buffers.Binary;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs.V5;

/// <summary>One inode record of a v5 bootstrap: its fields, and where the variable parts behind it lie.</summary>
internal readonly ref struct RafsV5Inode
{
    private readonly ReadOnlySpan<byte> _record;

    private RafsV5Inode(ReadOnlySpan<byte> record, int offset)
    {
        _record = record;
        Offset = offset;
    }

    public int Offset { get; }

    public ulong Number => UInt64(40);

    public FileType Type => (FileType)(UInt32(60) & 0xf000);

    public long Size => (long)UInt64(64);

    public uint FirstChild => UInt32(92);

    public uint ChildCount => UInt32(96);

    public FileName Name => new(_record.Slice(RafsV5Layout.InodeSize, NameLength));

    /// <summary>Bytes that the record claims; honest records lie one behind the other.</summary>
    public long ClaimedSize
    {
        get
        {
            long xattrs = HasXattrs && _record.Length - XattrStart >= 8 ? (long)Math.Min(UInt64(XattrStart), int.MaxValue) : 0;
            return XattrStart + xattrs + (Type == FileType.Regular ? ChildCount * (long)RafsV5Layout.ChunkSize : 0);
        }
    }

    private int NameLength => UInt16(100);

    private int TargetLength => UInt16(102);

    private int TargetStart => RafsV5Layout.InodeSize + Pad(NameLength);

    private int XattrStart => TargetStart + Pad(TargetLength);

    private bool HasXattrs => (UInt64(80) & RafsV5Layout.InodeHasXattr) != 0;

    public static RafsV5Inode Read(ReadOnlySpan<byte> bootstrap, RafsV5Superblock superblock, int index)
    {
        long offset = 8L * BinaryPrimitives.ReadUInt32LittleEndian(bootstrap[(superblock.InodeTableOffset + (4 * index))..]);
        if (offset < RafsV5Layout.SuperblockSize || offset > bootstrap.Length - RafsV5Layout.InodeSize)
        {
            throw RafsV5Layout.Error($"inode {index + 1} lies outside the bootstrap", superblock.InodeTableOffset + (4 * index));
        }

        var inode = new RafsV5Inode(bootstrap[(int)offset..], (int)offset);
        if (inode.XattrStart > inode._record.Length) throw inode.Error("reaches beyond the bootstrap");
        if (inode.NameLength is 0 or > RafsV5Layout.MaxNameLength || inode.TargetLength > RafsV5Layout.MaxTargetLength)
        {
            throw inode.Error("has a name of bad length");
        }

        if (inode.Size < 0) throw inode.Error("has a negative size");
        return inode;
    }

    /// <summary>The inode without its directory entries and chunks.</summary>
    public Inode ToInode()
    {
        FileType type = Type;
        if (!Enum.IsDefined(type)) throw Error($"has an unknown type in mode 0{Convert.ToString(UInt32(60), 8)}");
        uint nanoseconds = UInt32(108);
        if (nanoseconds > 999_999_999) throw Error("has an impossible time");
        var inode = new Inode
        {
            Type = type,
            Mode = (ushort)(UInt32(60) & 0xfff),
            UserId = UInt32(48),
            GroupId = UInt32(52),
            ModificationTime = new FileTime((long)UInt64(112), nanoseconds),
            ExtendedAttributes = ReadXattrs(out _),
            Entries = type == FileType.Directory ? [] : null,
        };
        if (type == FileType.Regular)
        {
            inode.Size = Size;
        }
        else if (type == FileType.SymbolicLink)
        {
            if (TargetLength == 0) throw Error("is a link to nowhere");
            inode.LinkTarget = new FileName(_record.Slice(TargetStart, TargetLength));
            inode.Size = TargetLength;
        }
        else if (type is FileType.CharacterDevice or FileType.BlockDevice)
        {
            uint device = UInt32(104);
            inode.Device = new DeviceNumber((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xf_ff00));
        }

        return inode;
    }

    /// <summary>The chunk records of a regular file, 80 bytes each.</summary>
    public ReadOnlySpan<byte> GetChunks(int chunkSize)
    {
        long expected = (Size / chunkSize) + (Size % chunkSize == 0 ? 0 : 1);
        if (ChildCount != expected) throw Error($"has {ChildCount} chunks instead of {expected}");
        ReadXattrs(out int start);
        long length = expected * RafsV5Layout.ChunkSize;
        if (length > _record.Length - start) throw Error("has chunks beyond the bootstrap");
        return _record.Slice(start, (int)length);
    }

    public InvalidFormatException Error(string message) => RafsV5Layout.Error($"inode {Number} {message}", Offset);

    private static int Pad(int length) => (length + 7) & ~7;

    /// <param name="end">Offset of what follows the attributes.</param>
    private ExtendedAttribute[] ReadXattrs(out int end)
    {
        end = XattrStart;
        if (!HasXattrs) return [];
        if (_record.Length - end < 8) throw Error("has attributes beyond the bootstrap");
        ulong size = UInt64(end);
        end += 8;
        if (size > (ulong)(_record.Length - end)) throw Error("has attributes beyond the bootstrap");
        ReadOnlySpan<byte> rest = _record.Slice(end, (int)size);
        end += Pad((int)size);
        if (end > _record.Length) throw Error("has attributes beyond the bootstrap");
        var attributes = new SortedDictionary<FileName, ExtendedAttribute>();
        while (!rest.IsEmpty)
        {
            if (rest.Length < 4) throw Error("has a broken attribute");
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(rest);
            rest = rest[4..];
            if (length > (uint)rest.Length || length > RafsV5Layout.MaxXattrLength + RafsV5Layout.MaxNameLength + 1) throw Error("has a broken attribute");
            ReadOnlySpan<byte> pair = rest[..(int)length];
            rest = rest[(int)length..];
            int separator = pair.IndexOf((byte)0);
            if (separator is < 1 or > RafsV5Layout.MaxNameLength) throw Error("has an attribute without a name");
            var name = new FileName(pair[..separator]);
            if (!attributes.TryAdd(name, new ExtendedAttribute(name, pair[(separator + 1)..].ToArray()))) throw Error($"has attribute {name} twice");
        }

        return [.. attributes.Values];
    }

    private ushort UInt16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_record[offset..]);

    private uint UInt32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_record[offset..]);

    private ulong UInt64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(_record[offset..]);
}
