namespace Sluice.Formats.Hashing;

/// <summary>BLAKE3-256.</summary>
public static class Blake3
{
    /// <summary>Hashes <paramref name="data"/> into the first 32 bytes of <paramref name="digest"/>.</summary>
    public static void Hash(ReadOnlySpan<byte> data, Span<byte> digest) => throw new NotSupportedException();
}
