using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;

namespace Sluice.Build.Look;

/// <summary>What can be said about an image without downloading its data.</summary>
/// <param name="Platform">As its configuration says; null if it does not.</param>
/// <param name="Rafs">Null for an ordinary image.</param>
/// <param name="BytesFetched">Bytes of layers that were downloaded: of a RAFS image the bootstrap.</param>
public sealed record ImageFacts(StoredManifestFacts Manifest, Platform? Platform, IReadOnlyList<Descriptor> Layers, RafsFacts? Rafs, long BytesFetched)
{
    /// <summary>Bytes of all layers as stored.</summary>
    public long BytesTotal => Layers.Sum(layer => layer.Size);
}

/// <summary>The manifest itself.</summary>
public sealed record StoredManifestFacts(string MediaType, Digest Digest, long Size, Digest Config);

/// <summary>What a bootstrap says. Sizes are bytes.</summary>
/// <param name="Version">5 or 6.</param>
/// <param name="Tarfs">The data are plain tars that the kernel mounts.</param>
/// <param name="FileCounts">Distinct inodes by type.</param>
/// <param name="FileBytes">Sum of the sizes of distinct regular files.</param>
/// <param name="Prefetch">Paths of the prefetch table.</param>
public sealed record RafsFacts(
    int Version,
    int BlockSize,
    int ChunkSize,
    Compressor Compressor,
    DigestAlgorithm Digester,
    bool Tarfs,
    long BootstrapSize,
    IReadOnlyList<BlobFacts> Blobs,
    IReadOnlyList<FileName> Prefetch,
    IReadOnlyDictionary<FileType, int> FileCounts,
    long FileBytes);

/// <summary>One blob of a RAFS image.</summary>
/// <param name="Chunks">As the blob table says.</param>
/// <param name="UsedChunks">Of these, how many the bootstrap lists.</param>
/// <param name="CompressedSize">Where the last chunk ends in the blob.</param>
/// <param name="UncompressedSize">Size of the blob space.</param>
public sealed record BlobFacts(string Id, BlobFeatures Features, Compressor Compressor, int Chunks, int UsedChunks, long CompressedSize, long UncompressedSize);
