using System.Numerics;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs.V6;

/// <summary>What the writer demands of an image before it looks at the tree.</summary>
internal static class BlobChecks
{
    public static void Check(RafsImage image)
    {
        if (image.BlockSize is not (512 or 4096)) throw Invalid($"block size {image.BlockSize} is neither 512 nor 4096");
        if (!BitOperations.IsPow2(image.ChunkSize) || image.ChunkSize is < RafsV6Layout.MinChunkSize or > RafsV6Layout.MaxChunkSize)
            throw Invalid($"chunk size {image.ChunkSize} is no power of two between 4 KiB and 16 MiB");
        if (!Enum.IsDefined(image.Compressor)) throw Invalid($"unknown compressor {image.Compressor}");
        if (!Enum.IsDefined(image.Digester)) throw Invalid($"unknown digester {image.Digester}");
        if (image.Blobs.Count > RafsV6Layout.MaxBlobs)
        {
            throw new SluiceException(
                SluiceError.Image,
                "rafs",
                $"{image.Blobs.Count} blobs; a RAFS v6 image holds at most {RafsV6Layout.MaxBlobs}",
                "squash layers of the image before converting it");
        }

        if (image.Chunks.Count < image.Blobs.Count) throw Invalid("a blob has no list of chunks");
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (RafsBlob blob in image.Blobs)
        {
            CheckBlob(blob, image.BlockSize);
            if (!ids.Add(blob.Id)) throw Invalid($"blob {blob.Id} is listed twice");
        }
    }

    private static void CheckBlob(RafsBlob blob, int blockSize)
    {
        if (blob.Id.Length != RafsV6Layout.BlobIdLength || !blob.Id.All(char.IsAsciiLetterOrDigit))
            throw Invalid($"blob id '{blob.Id}' is not made of 64 digits");
        if (blob.UncompressedSize is <= 0 or > RafsV6Layout.MaxUncompressedBlobSize)
            throw Invalid($"blob {blob.Id} has an impossible size of {blob.UncompressedSize} bytes");
        if (blob.UncompressedSize % blockSize != 0) throw Invalid($"blob {blob.Id} does not end at a block");
        if (blob.CompressedSize is < 0 or > RafsV6Layout.MaxCompressedBlobSize)
            throw Invalid($"blob {blob.Id} has an impossible compressed size of {blob.CompressedSize} bytes");
        if (blob.ChunkCount is < 0 or > RafsV6Layout.MaxChunksPerBlob) throw Invalid($"blob {blob.Id} has {blob.ChunkCount} chunks");
        if (blob.Cipher is not (RafsCipher.None or RafsCipher.Aes128Xts)) throw Invalid($"blob {blob.Id}: unknown cipher {blob.Cipher}");
        if (blob.Cipher == RafsCipher.None) return;
        if (blob.CipherKey.Length != BlobTableEntry.CipherKeySize || blob.CipherIv.Length != BlobTableEntry.CipherIvSize)
            throw Invalid($"blob {blob.Id}: the cipher needs a key of 32 and an IV of 16 bytes");
    }

    /// <summary>The flags of an image's extended superblock.</summary>
    public static RafsFlags Flags(RafsImage image, bool hasXattr)
    {
        RafsFlags flags = RafsFlags.ExplicitIds;
        flags |= image.Compressor switch
        {
            Compressor.None => RafsFlags.CompressionNone,
            Compressor.Lz4Block => RafsFlags.CompressionLz4,
            Compressor.Gzip => RafsFlags.CompressionGzip,
            _ => RafsFlags.CompressionZstd,
        };
        flags |= image.Digester == DigestAlgorithm.Blake3 ? RafsFlags.HashBlake3 : RafsFlags.HashSha256;
        if (hasXattr) flags |= RafsFlags.HasXattr;
        if (image.IsTarfs) flags |= RafsFlags.Tarfs;
        bool encrypted = image.Blobs.Any(blob => blob.Cipher != RafsCipher.None);
        flags |= encrypted ? RafsFlags.EncryptionAes128Xts : RafsFlags.EncryptionNone;
        bool digests = image.Blobs.Count > 0 && image.Blobs.All(blob => blob.Features.HasFlag(BlobFeatures.InlinedChunkDigest));
        return digests ? flags | RafsFlags.InlinedChunkDigest : flags;
    }

    private static SluiceException Invalid(string message) => new(SluiceError.Image, "rafs", message);
}
