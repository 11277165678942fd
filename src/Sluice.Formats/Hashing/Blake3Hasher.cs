namespace Sluice.Formats.Hashing;

/// <summary>BLAKE3-256 over input that arrives in parts. Not safe for concurrent use; fast when parts are 64 KiB or more.</summary>
public sealed class Blake3Hasher
{
    private Blake3Tree _tree = new(Blake3Lanes.Best);

    public void Update(ReadOnlySpan<byte> data) => _tree.Update(data);

    /// <summary>
    /// Writes the digest of everything so far into the first 32 bytes of <paramref name="digest"/>. More input may
    /// follow; the next call then gives the digest of all of it.
    /// </summary>
    public void Finish(Span<byte> digest) => _tree.Finish(digest);

    /// <summary>Forgets all input.</summary>
    public void Reset() => _tree = new Blake3Tree(Blake3Lanes.Best);
}
