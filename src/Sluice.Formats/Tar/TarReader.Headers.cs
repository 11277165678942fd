using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

public sealed partial class TarReader
{
    private byte[] _extension = [];

    private static bool IsExtension(byte type) =>
        type is TarTypeFlag.PaxEntry or TarTypeFlag.PaxGlobal or TarTypeFlag.SolarisEntry or TarTypeFlag.GnuLongName or TarTypeFlag.GnuLongLink
        || IsSkipped(type);

    /// <summary>Entries that are no files and say nothing that Linux could keep.</summary>
    private static bool IsSkipped(byte type) => type is TarTypeFlag.GnuVolumeLabel or TarTypeFlag.SolarisAcl or TarTypeFlag.SolarisAttributes;

    private void ReadExtension(in TarHeader header)
    {
        byte type = header.Type;
        long offset = header.Offset;
        long size = header.Size;
        if (IsSkipped(type))
        {
            _input.Skip(size, "an extension header");
            _input.SkipPadding(TarLayout.Padding(size));
            return;
        }

        if (size > TarLimits.ExtensionHeader) throw TarError.At(offset, $"an extension header of {size} bytes, at most {TarLimits.ExtensionHeader} are allowed");
        if (_extension.Length < size) _extension = GC.AllocateUninitializedArray<byte>((int)Math.Max(size, 4096));
        Span<byte> content = _extension.AsSpan(0, (int)size);
        long contentOffset = _input.Position;
        _input.ReadExactly(content, "an extension header");
        _input.SkipPadding(TarLayout.Padding(size));

        switch (type)
        {
            case TarTypeFlag.GnuLongName: _overrides.SetPath(UntilNul(content), offset); break;
            case TarTypeFlag.GnuLongLink: _overrides.SetLinkTarget(UntilNul(content), offset); break;
            case TarTypeFlag.PaxGlobal: ApplyGlobal(content, contentOffset); break;
            default: PaxHeader.Apply(content, contentOffset, _overrides); break;
        }
    }

    /// <summary>Also the entry that the global header stands before begins with what it says.</summary>
    private void ApplyGlobal(ReadOnlySpan<byte> content, long offset)
    {
        _global.ForgetCharges();
        PaxHeader.Apply(content, offset, _global);
        _global.Sparse.Clear(); // a map fits one file only
        PaxHeader.Apply(content, offset, _overrides);
        if (_global.Attributes.Count > TarLimits.GlobalAttributes)
        {
            throw TarError.At(offset, $"global headers hold more than {TarLimits.GlobalAttributes} extended attributes");
        }
    }

    private TarEntryType TypeOf(in TarHeader header)
    {
        switch (header.Type)
        {
            case TarTypeFlag.OldRegular: return NameEndsInSlash(header) ? TarEntryType.Directory : TarEntryType.Regular;

            // GNU tar and libarchive take the slash for a directory here too, Go doesn't. Content decides.
            case TarTypeFlag.Regular: return NameEndsInSlash(header) && StoredSize(header) == 0 ? TarEntryType.Directory : TarEntryType.Regular;
            case TarTypeFlag.Contiguous or TarTypeFlag.GnuSparse: return TarEntryType.Regular;
            case TarTypeFlag.HardLink: return TarEntryType.HardLink;
            case TarTypeFlag.SymbolicLink: return TarEntryType.SymbolicLink;
            case TarTypeFlag.CharacterDevice: return TarEntryType.CharacterDevice;
            case TarTypeFlag.BlockDevice: return TarEntryType.BlockDevice;
            case TarTypeFlag.Directory or TarTypeFlag.GnuDumpDirectory: return TarEntryType.Directory;
            case TarTypeFlag.Fifo: return TarEntryType.Fifo;
            case TarTypeFlag.GnuMultiVolume: throw TarError.At(header.Offset, "this is a later volume of a multi-volume archive");
            default: throw TarError.At(header.Offset + TarLayout.Type, $"unknown entry type 0x{header.Type:x2}");
        }
    }

    private bool NameEndsInSlash(in TarHeader header) => TarPath.EndsInSlash(_overrides.HasPath ? _overrides.Path : header.Name);

    private FileName PathOf(in TarHeader header)
    {
        if (_overrides.HasPath) return TarPath.Normalise(_overrides.Path, header.Offset);
        ReadOnlySpan<byte> name = header.Name;
        ReadOnlySpan<byte> prefix = header.Prefix;
        if (prefix.IsEmpty)
        {
            return name.IsEmpty ? throw TarError.At(header.Offset, "an entry has no name") : TarPath.Normalise(name, header.Offset);
        }

        Span<byte> joined = stackalloc byte[TarLayout.Prefix.Length + 1 + TarLayout.Name.Length];
        prefix.CopyTo(joined);
        joined[prefix.Length] = (byte)'/';
        name.CopyTo(joined[(prefix.Length + 1)..]);
        return TarPath.Normalise(joined[..(prefix.Length + 1 + name.Length)], header.Offset);
    }

    private FileName LinkTargetOf(in TarHeader header, TarEntryType type)
    {
        if (type is not (TarEntryType.SymbolicLink or TarEntryType.HardLink)) return default;
        ReadOnlySpan<byte> raw = _overrides.HasLinkTarget ? _overrides.LinkTarget : header.LinkName;
        FileName target = type == TarEntryType.HardLink ? TarPath.Normalise(raw, header.Offset) : new FileName(raw);
        if (target.IsEmpty) throw TarError.At(header.Offset, "a link has no target");
        if (target.Bytes.Contains((byte)0)) throw TarError.At(header.Offset, "a link target holds a NUL byte");
        return target;
    }

    private DeviceNumber DeviceOf(in TarHeader header)
    {
        uint major = (uint?)_overrides.DeviceMajor ?? (header.HasDevice ? header.UnsignedNumber(TarLayout.DeviceMajor) : 0);
        uint minor = (uint?)_overrides.DeviceMinor ?? (header.HasDevice ? header.UnsignedNumber(TarLayout.DeviceMinor) : 0);
        return new DeviceNumber(major, minor);
    }

    private long StoredSize(in TarHeader header) => _overrides.Size ?? header.Size;

    private static ReadOnlySpan<byte> UntilNul(ReadOnlySpan<byte> text)
    {
        int end = text.IndexOf((byte)0);
        return end < 0 ? text : text[..end];
    }
}
