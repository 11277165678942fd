namespace Sluice.Formats.Tar;

/// <summary>
/// The content of a PAX header: records <c>LENGTH KEY=VALUE\n</c>, where LENGTH is decimal and counts the whole record
/// (POSIX.1-2017, "pax Extended Header"). Values are binary: only the length says where they end.
/// </summary>
internal ref struct PaxRecords(ReadOnlySpan<byte> content, long offset)
{
    private readonly ReadOnlySpan<byte> _content = content;
    private readonly long _offset = offset;
    private int _next;

    public ReadOnlySpan<byte> Key { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>Offset in the archive of the current record.</summary>
    public long Offset { get; private set; }

    public bool MoveNext()
    {
        ReadOnlySpan<byte> rest = _content[_next..];
        if (rest.IsEmpty) return false;
        Offset = _offset + _next;

        int blank = rest[..Math.Min(rest.Length, 20)].IndexOf((byte)' ');
        if (blank < 0 || !PaxNumber.TryParse(rest[..blank], out long length)) throw TarError.At(Offset, "a PAX record has no length");
        if (length > rest.Length || length < blank + 3 /* blank, '=', newline */ || rest[(int)length - 1] != (byte)'\n')
        {
            throw TarError.At(Offset, "the length of a PAX record is wrong");
        }

        ReadOnlySpan<byte> body = rest[(blank + 1)..((int)length - 1)];
        int equals = body.IndexOf((byte)'=');
        if (equals <= 0) throw TarError.At(Offset, "a PAX record has no keyword");
        Key = body[..equals];
        Value = body[(equals + 1)..];
        _next += (int)length;
        return true;
    }
}
