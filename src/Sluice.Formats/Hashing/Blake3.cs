namespace Sluice.Formats.Hashing;

/// <summary>
/// BLAKE3-256, one call. Source: the BLAKE3 paper (O'Connor, Aumasson, Neves, Wilcox-O'Hearn), sections 2 and 5.
/// </summary>
/// <remarks>
/// Whole chunks and whole levels of the tree are hashed side by side, 16 at a time with AVX-512, 8 with AVX2; one
/// thread. No allocation. Safe to call concurrently.
/// </remarks>
public static class Blake3
{
    public const int DigestSize = 32;

    /// <summary>Hashes <paramref name="data"/> into the first 32 bytes of <paramref name="digest"/>.</summary>
    public static void Hash(ReadOnlySpan<byte> data, Span<byte> digest) => Hash(data, digest, Blake3Lanes.Best);

    internal static void Hash(ReadOnlySpan<byte> data, Span<byte> digest, Blake3Path path)
    {
        Blake3Tree tree = new(path);
        tree.Update(data);
        tree.Finish(digest);
    }
}
