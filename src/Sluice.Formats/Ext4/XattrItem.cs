using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>An extended attribute in the form in which ext4 keeps it.</summary>
/// <param name="Prefix">The number that stands for the start of its name.</param>
/// <param name="Suffix">The rest of its name.</param>
internal readonly record struct XattrItem(byte Prefix, FileName Suffix, byte[] Value) : IComparable<XattrItem>
{
    /// <summary>The kernel searches blocks in this order: prefix, length of the name, name.</summary>
    public int CompareTo(XattrItem other)
    {
        if (Prefix != other.Prefix) return Prefix.CompareTo(other.Prefix);
        return Suffix.Length != other.Suffix.Length ? Suffix.Length.CompareTo(other.Suffix.Length) : Suffix.CompareTo(other.Suffix);
    }
}
