using System.Buffers;
using System.Buffers.Text;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

/// <summary>Collects the records of one PAX header.</summary>
internal sealed class PaxRecordWriter
{
    private readonly ArrayBufferWriter<byte> _records = new();

    public ReadOnlySpan<byte> Records => _records.WrittenSpan;

    public void Clear() => _records.ResetWrittenCount();

    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Add(key, default, value);

    /// <summary>The key in two parts, so that a fixed prefix need not be joined with a name.</summary>
    public void Add(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        // The length counts its own digits.
        int body = 1 /* blank */ + prefix.Length + key.Length + 1 /* = */ + value.Length + 1 /* newline */;
        int length = body + Digits(body);
        length = body + Digits(length);

        Span<byte> record = _records.GetSpan(length);
        Utf8Formatter.TryFormat(length, record, out int written);
        record[written++] = (byte)' ';
        prefix.CopyTo(record[written..]);
        written += prefix.Length;
        key.CopyTo(record[written..]);
        written += key.Length;
        record[written++] = (byte)'=';
        value.CopyTo(record[written..]);
        written += value.Length;
        record[written++] = (byte)'\n';
        _records.Advance(written);
    }

    public void Add(ReadOnlySpan<byte> key, long value)
    {
        Span<byte> text = stackalloc byte[20];
        Utf8Formatter.TryFormat(value, text, out int length);
        Add(key, text[..length]);
    }

    public void Add(ReadOnlySpan<byte> key, FileTime value)
    {
        Span<byte> text = stackalloc byte[32];
        Add(key, text[..PaxTime.Format(value, text)]);
    }

    /// <summary>GNU tar's encoding of names: a '=' would end the key.</summary>
    public void Add(ExtendedAttribute attribute)
    {
        ReadOnlySpan<byte> name = attribute.Name.Bytes;
        if (!name.ContainsAny((byte)'=', (byte)'%'))
        {
            Add("SCHILY.xattr."u8, name, attribute.Value);
            return;
        }

        var encoded = new ArrayBufferWriter<byte>(3 * name.Length);
        foreach (byte b in name)
        {
            if (b == (byte)'=') encoded.Write("%3D"u8);
            else if (b == (byte)'%') encoded.Write("%25"u8);
            else encoded.Write([b]);
        }

        Add("SCHILY.xattr."u8, encoded.WrittenSpan, attribute.Value);
    }

    private static int Digits(int value)
    {
        int digits = 1;
        for (; value >= 10; value /= 10) digits++;
        return digits;
    }
}
