using System.Text;

namespace Sluice.Formats.Trees;

/// <summary>
/// A name, path, link target or xattr name: bytes, not text, because Linux does not promise UTF-8. Compares bytewise
/// (memcmp order, shorter first), which is also the order of directory entries in EROFS.
/// </summary>
public readonly struct FileName : IEquatable<FileName>, IComparable<FileName>
{
    private readonly byte[]? _bytes;

    /// <summary>Wraps the array without a copy; it must not change afterwards.</summary>
    public FileName(byte[] bytes) => _bytes = bytes;

    public FileName(ReadOnlySpan<byte> bytes) => _bytes = bytes.ToArray();

    public FileName(string text) => _bytes = Encoding.UTF8.GetBytes(text);

    public ReadOnlySpan<byte> Bytes => _bytes;

    public int Length => _bytes?.Length ?? 0;

    public bool IsEmpty => Length == 0;

    public bool Equals(FileName other) => Bytes.SequenceEqual(other.Bytes);

    public override bool Equals(object? obj) => obj is FileName other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    public int CompareTo(FileName other) => Bytes.SequenceCompareTo(other.Bytes);

    public static bool operator ==(FileName left, FileName right) => left.Equals(right);

    public static bool operator !=(FileName left, FileName right) => !left.Equals(right);

    public static bool operator <(FileName left, FileName right) => left.CompareTo(right) < 0;

    public static bool operator >(FileName left, FileName right) => left.CompareTo(right) > 0;

    public static bool operator <=(FileName left, FileName right) => left.CompareTo(right) <= 0;

    public static bool operator >=(FileName left, FileName right) => left.CompareTo(right) >= 0;

    /// <summary>For people: UTF-8 where it is valid, replacement characters elsewhere.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Bytes);
}
