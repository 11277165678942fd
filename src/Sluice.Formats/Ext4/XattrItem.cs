using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>An extended attribute in the form in which ext4 keeps it.</summary>
/// <param name="Prefix">The number that stands for the start of its name.</param>
/// <param name="Suffix">The rest of its name.</param>
internal readonly record struct XattrItem(byte Prefix, FileName Suffix, byte[] Value)
{
    /// <summary>The kernel searches blocks in this order: prefix, length of the name, name.</summary>
    public static int Compare(XattrItem left, XattrItem right)
    {
        if (left.Prefix != right.Prefix) return left.Prefix.CompareTo(right.Prefix);
        return left.Suffix.Length != right.Suffix.Length ? left.Suffix.Length.CompareTo(right.Suffix.Length) : left.Suffix.CompareTo(right.Suffix);
    }
}
