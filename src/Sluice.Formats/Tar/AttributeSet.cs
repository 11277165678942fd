using System.Buffers.Text;
using System.Text;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

/// <summary>The extended attributes of an entry while its PAX records come in, in all notations that writers use.</summary>
internal sealed class AttributeSet
{
    private readonly List<ExtendedAttribute> _attributes = [];
    private int _nameBytes;
    private byte[]? _accessAcl;
    private byte[]? _defaultAcl;

    public int Count => _attributes.Count;

    public void CopyFrom(AttributeSet other)
    {
        _attributes.Clear();
        _attributes.AddRange(other._attributes);
        _nameBytes = other._nameBytes;
        (_accessAcl, _defaultAcl) = (other._accessAcl, other._defaultAcl);
    }

    /// <summary>False when the key is none of an attribute's.</summary>
    public bool TryAdd(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long offset)
    {
        if (key.StartsWith("SCHILY.xattr."u8)) Add(DecodeSchily(key["SCHILY.xattr.".Length..]), value.ToArray(), offset);
        else if (key.StartsWith("LIBARCHIVE.xattr."u8)) AddBase64(key["LIBARCHIVE.xattr.".Length..], value, offset);
        else if (key.SequenceEqual("SCHILY.acl.access"u8)) _accessAcl = Acl(value);
        else if (key.SequenceEqual("SCHILY.acl.default"u8)) _defaultAcl = Acl(value);
        else return false;
        return true;
    }

    public IReadOnlyList<ExtendedAttribute> Build()
    {
        // The binary attribute is exact, the text a rendering of it.
        AddUnlessPresent("system.posix_acl_access", _accessAcl);
        AddUnlessPresent("system.posix_acl_default", _defaultAcl);
        if (_attributes.Count < 2) return _attributes.Count == 0 ? [] : [_attributes[0]];

        var sorted = new List<ExtendedAttribute>(_attributes.Count);
        foreach (ExtendedAttribute attribute in _attributes.OrderBy(attribute => attribute.Name))
        {
            if (sorted.Count > 0 && sorted[^1].Name == attribute.Name) sorted[^1] = attribute;
            else sorted.Add(attribute);
        }

        return sorted;
    }

    private static byte[]? Acl(ReadOnlySpan<byte> text) => PosixAclText.TryConvert(text, out byte[] value) ? value : null;

    private void AddUnlessPresent(string name, byte[]? value)
    {
        if (value is null) return;
        var fileName = new FileName(name);
        if (!_attributes.Exists(attribute => attribute.Name == fileName)) _attributes.Add(new ExtendedAttribute(fileName, value));
    }

    private void Add(byte[] name, byte[] value, long offset)
    {
        if (name.Length is 0 or > TarLimits.AttributeName || name.AsSpan().Contains((byte)0))
        {
            throw TarError.At(offset, $"the name of an extended attribute has {name.Length} bytes or a NUL, 1 to {TarLimits.AttributeName} are allowed");
        }

        if (value.Length > TarLimits.AttributeValue)
        {
            throw TarError.At(offset, $"extended attribute '{new FileName(name)}' has {value.Length} bytes, Linux allows {TarLimits.AttributeValue}");
        }

        _nameBytes += name.Length + 1;
        if (_nameBytes > TarLimits.AttributeNames) throw TarError.At(offset, "an entry has too many extended attributes");
        _attributes.Add(new ExtendedAttribute(new FileName(name), value));
    }

    /// <summary>GNU tar writes '=' as %3D and '%' as %25, and nothing else.</summary>
    private static byte[] DecodeSchily(ReadOnlySpan<byte> name)
    {
        byte[] decoded = name.ToArray();
        if (!name.Contains((byte)'%')) return decoded;
        int length = 0;
        for (int i = 0; i < name.Length; i++)
        {
            ReadOnlySpan<byte> rest = name[i..];
            bool escaped = rest.StartsWith("%3D"u8) || rest.StartsWith("%25"u8);
            decoded[length++] = !escaped ? name[i] : rest[1] == (byte)'3' ? (byte)'=' : (byte)'%';
            if (escaped) i += 2;
        }

        return decoded[..length];
    }

    /// <summary>libarchive: the name URL-encoded, the value in base64, with or without padding.</summary>
    private void AddBase64(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, long offset)
    {
        byte[] decodedName = new byte[name.Length];
        int length = 0;
        for (int i = 0; i < name.Length; i++)
        {
            if (name[i] == (byte)'%' && i + 2 < name.Length && Utf8Parser.TryParse(name.Slice(i + 1, 2), out byte b, out int used, 'X') && used == 2)
            {
                decodedName[length++] = b;
                i += 2;
            }
            else
            {
                decodedName[length++] = name[i];
            }
        }

        byte[] text = new byte[(value.Length + 3) / 4 * 4];
        text.AsSpan().Fill((byte)'=');
        value.CopyTo(text);
        byte[] decoded = new byte[text.Length / 4 * 3];
        if (Base64.DecodeFromUtf8(text, decoded, out _, out int written) != System.Buffers.OperationStatus.Done)
        {
            throw TarError.At(offset, $"extended attribute '{Encoding.UTF8.GetString(name)}' is not base64");
        }

        Add(decodedName[..length], decoded[..written], offset);
    }
}
