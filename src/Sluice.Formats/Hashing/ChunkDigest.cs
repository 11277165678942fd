using System.Runtime.InteropServices;

namespace Sluice.Formats.Hashing;

/// <summary>A 256-bit chunk digest, as a value: 32 bytes in the order in which they are stored.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct ChunkDigest : IComparable<ChunkDigest>
{
    public const int Size = 32;

    private readonly ulong _a, _b, _c, _d;

    /// <param name="bytes">Exactly 32 bytes.</param>
    public ChunkDigest(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size) throw new ArgumentException("a chunk digest has 32 bytes", nameof(bytes));
        this = MemoryMarshal.Read<ChunkDigest>(bytes);
    }

    /// <summary>Digests <paramref name="data"/>.</summary>
    public static ChunkDigest Compute(DigestAlgorithm algorithm, ReadOnlySpan<byte> data)
    {
        Span<byte> digest = stackalloc byte[Size];
        if (algorithm == DigestAlgorithm.Blake3) Blake3.Hash(data, digest);
        else System.Security.Cryptography.SHA256.HashData(data, digest);
        return new ChunkDigest(digest);
    }

    public void CopyTo(Span<byte> destination) => MemoryMarshal.Write(destination, in this);

    /// <summary>Orders by the stored bytes, as a BTreeMap of byte arrays does.</summary>
    public int CompareTo(ChunkDigest other)
    {
        ReadOnlySpan<byte> mine = MemoryMarshal.AsBytes(new ReadOnlySpan<ChunkDigest>(in this));
        ReadOnlySpan<byte> theirs = MemoryMarshal.AsBytes(new ReadOnlySpan<ChunkDigest>(in other));
        return mine.SequenceCompareTo(theirs);
    }

    public static bool operator <(ChunkDigest left, ChunkDigest right) => left.CompareTo(right) < 0;

    public static bool operator >(ChunkDigest left, ChunkDigest right) => left.CompareTo(right) > 0;

    public static bool operator <=(ChunkDigest left, ChunkDigest right) => left.CompareTo(right) <= 0;

    public static bool operator >=(ChunkDigest left, ChunkDigest right) => left.CompareTo(right) >= 0;

    public override string ToString() =>
        Convert.ToHexStringLower(MemoryMarshal.AsBytes(new ReadOnlySpan<ChunkDigest>(in this)));
}
