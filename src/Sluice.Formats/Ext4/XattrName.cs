using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>How ext4 abbreviates the names of extended attributes: a number for the prefix, and the rest.</summary>
internal static class XattrName
{
    public const byte AccessAcl = 2;
    public const byte DefaultAcl = 3;

    private static readonly (byte Index, byte[] Prefix)[] Prefixes =
    [
        (1, "user."u8.ToArray()),
        (AccessAcl, "system.posix_acl_access"u8.ToArray()),
        (DefaultAcl, "system.posix_acl_default"u8.ToArray()),
        (4, "trusted."u8.ToArray()),
        (6, "security."u8.ToArray()),
        (7, "system."u8.ToArray()),
        (8, "system.richacl"u8.ToArray()),
    ];

    /// <summary>False for names that ext4 can't hold.</summary>
    public static bool TrySplit(ReadOnlySpan<byte> name, out byte index, out ReadOnlySpan<byte> rest)
    {
        foreach ((byte number, byte[] prefix) in Prefixes)
        {
            bool whole = prefix[^1] != (byte)'.';
            if (whole ? !name.SequenceEqual(prefix) : name.Length <= prefix.Length || !name.StartsWith(prefix)) continue;
            index = number;
            rest = name[prefix.Length..];
            return rest.Length <= byte.MaxValue;
        }

        index = 0;
        rest = default;
        return false;
    }

    /// <exception cref="InvalidFormatException">Unknown prefix.</exception>
    public static FileName Join(byte index, ReadOnlySpan<byte> rest)
    {
        foreach ((byte number, byte[] prefix) in Prefixes)
        {
            if (number == index) return new FileName((byte[])[.. prefix, .. rest]);
        }

        throw Ext4Error.Invalid($"unknown prefix {index} of an extended attribute");
    }
}
