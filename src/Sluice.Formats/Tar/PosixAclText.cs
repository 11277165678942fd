using System.Buffers.Binary;

namespace Sluice.Formats.Tar;

/// <summary>
/// Turns the text form of a POSIX.1e ACL, as star, GNU tar and libarchive store it (<c>user::rwx,user:lisa:r-x:502,mask::r-x</c>),
/// into the value of <c>system.posix_acl_access</c> or <c>_default</c>: u32 version 2, then per entry u16 tag, u16
/// permissions, u32 id, little-endian, sorted by tag and id (linux/posix_acl_xattr.h).
/// </summary>
internal static class PosixAclText
{
    private const int MaxEntries = 1024;
    private const uint Version = 2;
    private const int HeaderSize = 4;
    private const int EntrySize = 8;
    private const uint NoId = uint.MaxValue;

    /// <summary>
    /// False when the text is no ACL or names a user or group without its number: names mean nothing outside of the system
    /// that wrote the archive.
    /// </summary>
    public static bool TryConvert(ReadOnlySpan<byte> text, out byte[] value)
    {
        value = [];
        var entries = new List<(ushort Tag, uint Id, ushort Permissions)>();
        foreach (Range range in text.SplitAny((byte)',', (byte)'\n'))
        {
            ReadOnlySpan<byte> entry = Trim(text[range]);
            if (entry.IsEmpty) continue;
            if (entries.Count == MaxEntries || !TryParseEntry(entry, out var parsed)) return false;
            entries.Add(parsed);
        }

        if (entries.Count == 0) return false;
        entries.Sort();
        value = new byte[HeaderSize + EntrySize * entries.Count];
        BinaryPrimitives.WriteUInt32LittleEndian(value, Version);
        for (int i = 0; i < entries.Count; i++)
        {
            Span<byte> target = value.AsSpan(HeaderSize + EntrySize * i, EntrySize);
            BinaryPrimitives.WriteUInt16LittleEndian(target, entries[i].Tag);
            BinaryPrimitives.WriteUInt16LittleEndian(target[2..], entries[i].Permissions);
            BinaryPrimitives.WriteUInt32LittleEndian(target[4..], entries[i].Id);
        }

        return true;
    }

    private static bool TryParseEntry(ReadOnlySpan<byte> entry, out (ushort Tag, uint Id, ushort Permissions) parsed)
    {
        parsed = default;
        Span<Range> parts = stackalloc Range[4];
        int count = 0;
        foreach (Range part in entry.Split((byte)':'))
        {
            if (count == parts.Length) return false;
            parts[count++] = part;
        }

        if (count < 2) return false;

        // "mask:rwx" and "other:rwx" may lack the empty qualifier.
        ReadOnlySpan<byte> kind = entry[parts[0]];
        bool plain = count == 2;
        ReadOnlySpan<byte> qualifier = plain ? default : entry[parts[1]];
        if (!TryParsePermissions(entry[parts[plain ? 1 : 2]], out ushort permissions)) return false;

        (ushort own, ushort named) = kind switch
        {
            _ when kind.SequenceEqual("user"u8) || kind.SequenceEqual("u"u8) => ((ushort)0x01, (ushort)0x02),
            _ when kind.SequenceEqual("group"u8) || kind.SequenceEqual("g"u8) => ((ushort)0x04, (ushort)0x08),
            _ when kind.SequenceEqual("mask"u8) || kind.SequenceEqual("m"u8) => ((ushort)0x10, (ushort)0),
            _ when kind.SequenceEqual("other"u8) || kind.SequenceEqual("o"u8) => ((ushort)0x20, (ushort)0),
            _ => ((ushort)0, (ushort)0),
        };
        if (qualifier.IsEmpty)
        {
            parsed = (own, NoId, permissions);
            return own != 0;
        }

        ReadOnlySpan<byte> number = count == 4 ? entry[parts[3]] : qualifier;
        if (named == 0 || !PaxNumber.TryParse(number, out long id) || id >= NoId) return false;
        parsed = (named, (uint)id, permissions);
        return true;
    }

    private static bool TryParsePermissions(ReadOnlySpan<byte> text, out ushort permissions)
    {
        permissions = 0;
        foreach (byte b in text)
        {
            switch (b)
            {
                case (byte)'r': permissions |= 4; break;
                case (byte)'w': permissions |= 2; break;
                case (byte)'x': permissions |= 1; break;
                case (byte)'-': break;
                default: return false;
            }
        }

        return true;
    }

    /// <summary>Without blanks around it and without the comment ("#effective:r--") behind it.</summary>
    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> entry)
    {
        int comment = entry.IndexOf((byte)'#');
        return (comment < 0 ? entry : entry[..comment]).Trim(" \t\r"u8);
    }
}
