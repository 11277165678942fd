using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;

namespace Sluice.Build.Look;

/// <summary>What can be said about an image without downloading its data.</summary>
/// <param name="Platform">As its configuration says; null if it does not.</param>
/// <param name="Rafs">Null for images of other kinds.</param>
/// <param name="Device">Of an OverlayBD image; null for images of other kinds.</param>
/// <param name="BytesFetched">Bytes of layers that were downloaded: of a RAFS image the bootstrap, of an OverlayBD image the layers' indexes.</param>
public sealed record ImageFacts(StoredManifestFacts Manifest, Platform? Platform, IReadOnlyList<Descriptor> Layers, RafsFacts? Rafs, DeviceFacts? Device, long BytesFetched)
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

/// <summary>What the layers of an OverlayBD image say. Sizes are bytes.</summary>
/// <param name="Extents">Of the merged index.</param>
/// <param name="DataSize">What of the device is neither hole nor zeros.</param>
public sealed record DeviceFacts(long VirtualSize, int Extents, long DataSize, IReadOnlyList<BlockLayerFacts> Layers);

/// <summary>One layer of blocks.</summary>
/// <param name="Compressor">Null if the layer is not compressed.</param>
/// <param name="BlockSize">Of compression; 0 if the layer is not compressed.</param>
/// <param name="DataSize">Uncompressed bytes that its extents name.</param>
public sealed record BlockLayerFacts(Digest Digest, string Uuid, string ParentUuid, string Tag, Compressor? Compressor, int BlockSize, int Extents, long DataSize);
