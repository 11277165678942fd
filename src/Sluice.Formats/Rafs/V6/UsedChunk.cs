using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs.V6;

/// <summary>A chunk that a file uses, with the offset in the first file that does. Orders as the chunk table is ordered.</summary>
internal readonly record struct UsedChunk(ChunkDigest Digest, int Blob, int Number, long FileOffset) : IComparable<UsedChunk>
{
    public int CompareTo(UsedChunk other)
    {
        int order = Digest.CompareTo(other.Digest);
        if (order == 0) order = Blob.CompareTo(other.Blob);
        return order != 0 ? order : Number.CompareTo(other.Number);
    }

    public static bool operator <(UsedChunk left, UsedChunk right) => left.CompareTo(right) < 0;

    public static bool operator >(UsedChunk left, UsedChunk right) => left.CompareTo(right) > 0;

    public static bool operator <=(UsedChunk left, UsedChunk right) => left.CompareTo(right) <= 0;

    public static bool operator >=(UsedChunk left, UsedChunk right) => left.CompareTo(right) >= 0;
}
