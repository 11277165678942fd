namespace Sluice.Formats.Tar;

/// <summary>A ustar header block being filled in.</summary>
internal readonly ref struct TarHeaderWriter
{
    private readonly Span<byte> _block;

    public TarHeaderWriter(Span<byte> block, byte type)
    {
        _block = block;
        _block.Clear();
        _block[TarLayout.Type] = type;
        TarLayout.PosixMagicAndVersion.CopyTo(TarLayout.Magic.Of(_block));
    }

    /// <summary>Splits at a slash when the path is longer than the name field. False, and as much as fits, when it can't be held.</summary>
    public bool TrySetPath(ReadOnlySpan<byte> path)
    {
        Span<byte> name = TarLayout.Name.Of(_block);
        if (path.Length <= name.Length)
        {
            path.CopyTo(name);
            return true;
        }

        // The earliest slash that leaves a name that fits keeps the prefix shortest; the name itself must not be empty.
        int from = path.Length - name.Length - 1;
        int slash = path[from..^1].IndexOf((byte)'/');
        if (slash < 0 || from + slash > TarLayout.Prefix.Length || from + slash == 0)
        {
            path[..name.Length].CopyTo(name);
            return false;
        }

        path[..(from + slash)].CopyTo(TarLayout.Prefix.Of(_block));
        path[(from + slash + 1)..].CopyTo(name);
        return true;
    }

    /// <summary>False, and as much as fits, when the target is too long.</summary>
    public bool TrySetLinkName(ReadOnlySpan<byte> target)
    {
        Span<byte> field = TarLayout.LinkName.Of(_block);
        target[..Math.Min(target.Length, field.Length)].CopyTo(field);
        return target.Length <= field.Length;
    }

    /// <summary>False, and 0 in the field, when the number does not fit.</summary>
    public bool TrySet(TarField field, long value)
    {
        Span<byte> target = field.Of(_block);
        if (TarNumber.TryFormatOctal(value, target)) return true;
        TarNumber.TryFormatOctal(0, target);
        return false;
    }

    public void Finish() => TarChecksum.Write(_block);
}
