using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>
/// The chunks of a blob with what is needed to reach them inside batches or a gzip stream. Immutable; the arrays it exposes
/// are its own and must not be changed. <see cref="ChunkDecoder"/> checks that it makes sense.
/// </summary>
public sealed class ChunkInfoTable
{
    public BlobFeatures Features { get; init; }

    /// <summary>By chunk number.</summary>
    public required ChunkInfo[] Chunks { get; init; }

    /// <summary>By batch index; empty unless <see cref="BlobFeatures.Batch"/>.</summary>
    public BatchContext[] Batches { get; init; } = [];

    /// <summary>By context index; empty unless <see cref="BlobFeatures.Zran"/>.</summary>
    public ZranContext[] Contexts { get; init; } = [];

    /// <summary>The dictionary area of the zran contexts.</summary>
    public ReadOnlyMemory<byte> Dictionaries { get; init; }

    /// <summary>
    /// The same table with the digests of a <c>blob.digest</c> section. That section is only as trustworthy as the whole
    /// blob: prefer <see cref="WithTrusted"/> where a bootstrap is at hand.
    /// </summary>
    /// <exception cref="InvalidFormatException">Not 32 bytes per chunk.</exception>
    public ChunkInfoTable WithDigests(ReadOnlySpan<byte> digests)
    {
        if (digests.Length != (long)Chunks.Length * ChunkDigest.Size)
        {
            throw new InvalidFormatException("nydus chunk info", $"{digests.Length} bytes of digests for {Chunks.Length} chunks");
        }

        var chunks = new ChunkInfo[Chunks.Length];
        for (int i = 0; i < chunks.Length; i++)
        {
            chunks[i] = Chunks[i] with { Digest = new ChunkDigest(digests.Slice(i * ChunkDigest.Size, ChunkDigest.Size)) };
        }

        return With(chunks);
    }

    /// <summary>
    /// The same table with digests and checksums from the chunk table of a bootstrap (<see cref="RafsImage.Chunks"/>), which
    /// the image's manifest vouches for. Positions in blob space have to agree, so that no blob can move its content to where
    /// the bootstrap expects something else. Chunks that the bootstrap does not list keep what they have.
    /// </summary>
    /// <exception cref="InvalidFormatException">The two contradict each other.</exception>
    public ChunkInfoTable WithTrusted(ReadOnlySpan<ChunkInfo> bootstrap)
    {
        if (bootstrap.Length > Chunks.Length)
        {
            throw new InvalidFormatException("nydus chunk info", $"{Chunks.Length} chunks, but the bootstrap knows chunk {bootstrap.Length - 1}");
        }

        var chunks = (ChunkInfo[])Chunks.Clone();
        for (int i = 0; i < bootstrap.Length; i++)
        {
            ref readonly ChunkInfo trusted = ref bootstrap[i];
            if (trusted.UncompressedSize == 0) continue;
            if (trusted.UncompressedOffset != chunks[i].UncompressedOffset || trusted.UncompressedSize != chunks[i].UncompressedSize)
            {
                throw new InvalidFormatException("nydus chunk info", $"chunk {i} lies elsewhere than the bootstrap says");
            }

            chunks[i] = chunks[i] with
            {
                Digest = trusted.Digest,
                Crc32 = trusted.Flags.Has(ChunkFlags.HasCrc32) ? trusted.Crc32 : chunks[i].Crc32,
                Flags = chunks[i].Flags | (trusted.Flags & ChunkFlags.HasCrc32),
            };
        }

        return With(chunks);
    }

    /// <summary>The digests as a <c>blob.digest</c> section.</summary>
    public byte[] GetDigests()
    {
        byte[] digests = new byte[Chunks.Length * ChunkDigest.Size];
        for (int i = 0; i < Chunks.Length; i++) Chunks[i].Digest.CopyTo(digests.AsSpan(i * ChunkDigest.Size));
        return digests;
    }

    internal ChunkInfoTable WithFeatures(BlobFeatures features) =>
        new() { Features = features, Chunks = Chunks, Batches = Batches, Contexts = Contexts, Dictionaries = Dictionaries };

    private ChunkInfoTable With(ChunkInfo[] chunks) =>
        new() { Features = Features, Chunks = chunks, Batches = Batches, Contexts = Contexts, Dictionaries = Dictionaries };
}
