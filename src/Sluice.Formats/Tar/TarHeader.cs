namespace Sluice.Formats.Tar;

/// <summary>A header block, read field by field. Numbers that are malformed throw with the field's place in the archive.</summary>
/// <param name="block">The 512 bytes.</param>
/// <param name="offset">Where the block begins in the archive.</param>
internal readonly ref struct TarHeader(ReadOnlySpan<byte> block, long offset)
{
    private readonly ReadOnlySpan<byte> _block = block;

    public long Offset { get; } = offset;

    public byte Type => _block[TarLayout.Type];

    public ReadOnlySpan<byte> Name => Text(TarLayout.Name);

    public ReadOnlySpan<byte> LinkName => Text(TarLayout.LinkName);

    /// <summary>What stands before the name's slash; empty where the format has no such field.</summary>
    public ReadOnlySpan<byte> Prefix => !IsPosix ? default : Text(IsStar ? TarLayout.StarPrefix : TarLayout.Prefix);

    /// <summary>Whether there are device fields: V7 headers end after the link name.</summary>
    public bool HasDevice => IsPosix || TarLayout.Magic.Of(_block).SequenceEqual(TarLayout.GnuMagic);

    /// <summary>Bytes that follow the header.</summary>
    public long Size
    {
        get
        {
            long size = Number(TarLayout.Size);
            return size is >= 0 and <= TarLimits.Size ? size : throw TarError.At(Offset + TarLayout.Size.Offset, $"an entry's size is {size} bytes");
        }
    }

    /// <summary>Whether extension blocks with more of an old GNU sparse map follow.</summary>
    public bool IsSparseExtended => _block[TarLayout.SparseIsExtended] != 0;

    private bool IsPosix => TarLayout.Magic.Of(_block).StartsWith(TarLayout.PosixMagic);

    private bool IsStar => TarLayout.StarMagic.Of(_block).SequenceEqual(TarLayout.StarTrailer);

    public void VerifyChecksum()
    {
        if (TarChecksum.Matches(_block)) return;
        throw TarError.At(Offset, Offset == 0 ? "this is not a tar archive" : "the checksum of a header is wrong");
    }

    public ReadOnlySpan<byte> Bytes(TarField field) => field.Of(_block);

    public long Number(TarField field) =>
        TarNumber.TryParse(field.Of(_block), out long value)
            ? value
            : throw TarError.At(Offset + field.Offset, $"header field '{field.Name}' is no number");

    public uint UnsignedNumber(TarField field)
    {
        long value = Number(field);
        return value is >= 0 and <= uint.MaxValue ? (uint)value : throw TarError.At(Offset + field.Offset, $"header field '{field.Name}' is out of range: {value}");
    }

    private ReadOnlySpan<byte> Text(TarField field)
    {
        ReadOnlySpan<byte> text = field.Of(_block);
        int end = text.IndexOf((byte)0);
        return end < 0 ? text : text[..end];
    }
}
