using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;

namespace Sluice.Storage.Images;

/// <summary>A RAFS image whose metadata is here and whose data is not: what <see cref="RafsImageLoader"/> returns.</summary>
public sealed record RemoteRafsImage
{
    public required StoredImage Source { get; init; }

    /// <summary>Digest of the tar that is the bootstrap's layer. It vouches for the tree and, by the digests of chunks in it, for the data.</summary>
    public required Digest DiffId { get; init; }

    /// <summary>The bootstrap as the kernel mounts it.</summary>
    public required ReadOnlyMemory<byte> Bootstrap { get; init; }

    public required RafsImage Image { get; init; }

    /// <summary>Chunk-info tables (nydusd cache form) that came with the bootstrap, by blob id. May lack blobs.</summary>
    public required IReadOnlyDictionary<string, ReadOnlyMemory<byte>> BlobMetas { get; init; }

    /// <summary>See <see cref="Formats.Rafs.Artifacts.BootstrapLayer.PrefetchFiles"/>.</summary>
    public ReadOnlyMemory<byte> PrefetchFiles { get; init; }

    /// <summary>The digest under which the registry has the bytes of <paramref name="blob"/>.</summary>
    public static Digest DigestOf(RafsBlob blob) => Digest.Parse("sha256:" + blob.Id);
}
