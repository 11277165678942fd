using System.Buffers.Binary;
using Sluice.Formats.Erofs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs.V6;

/// <summary>Writes the inline extended attributes of an inode. What EROFS cannot hold is left out, and <see cref="Fits"/> tells.</summary>
internal static class XattrBody
{
    public static bool Fits(in ExtendedAttribute attribute) => TryEncode(attribute, out _, out _);

    /// <summary>Bytes behind the inode: 0 without attributes. May exceed <see cref="ErofsXattr.MaxBodySize"/>, which the caller checks.</summary>
    public static long Measure(IReadOnlyList<ExtendedAttribute> attributes)
    {
        long size = 0;
        for (int i = 0; i < attributes.Count; i++)
        {
            ExtendedAttribute attribute = attributes[i];
            if (!TryEncode(attribute, out _, out int prefix)) continue;
            size += ErofsXattr.PaddedEntrySize(attribute.Name.Length - prefix, attribute.Value.Length);
        }

        return size == 0 ? 0 : size + ErofsXattr.HeaderSize;
    }

    /// <summary>Fills <paramref name="body"/>, which has the measured size.</summary>
    public static void Write(IReadOnlyList<ExtendedAttribute> attributes, Span<byte> body)
    {
        if (body.IsEmpty) return;
        body.Clear();
        Span<byte> rest = body[ErofsXattr.HeaderSize..];
        for (int i = 0; i < attributes.Count; i++)
        {
            ExtendedAttribute attribute = attributes[i];
            if (!TryEncode(attribute, out byte index, out int prefix)) continue;
            ReadOnlySpan<byte> name = attribute.Name.Bytes[prefix..];
            rest[0] = (byte)name.Length;
            rest[1] = index;
            BinaryPrimitives.WriteUInt16LittleEndian(rest[2..], (ushort)attribute.Value.Length);
            name.CopyTo(rest[ErofsXattr.EntrySize..]);
            attribute.Value.CopyTo(rest[(ErofsXattr.EntrySize + name.Length)..]);
            rest = rest[ErofsXattr.PaddedEntrySize(name.Length, attribute.Value.Length)..];
        }
    }

    private static bool TryEncode(in ExtendedAttribute attribute, out byte index, out int prefixLength) =>
        ErofsXattr.TrySplit(attribute.Name.Bytes, out index, out prefixLength) && attribute.Value.Length <= ErofsXattr.MaxValueSize;
}
