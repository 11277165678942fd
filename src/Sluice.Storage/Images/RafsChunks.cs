using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Images;

/// <summary>Finds out where the chunks of a blob are: from the bootstrap, the table beside it, or the blob itself.</summary>
public static class RafsChunks
{
    private const BlobFeatures NeedsTable = BlobFeatures.Batch | BlobFeatures.Zran;

    /// <summary>Opens blob <paramref name="index"/> of <paramref name="image"/>.</summary>
    /// <param name="fetched">Told how many bytes had to be fetched, if any.</param>
    /// <exception cref="SluiceException">The table can't be had or contradicts the bootstrap.</exception>
    public static async Task<ChunkDecoder> OpenAsync(RemoteRafsImage image, int index, IBlobSource source, Action<long>? fetched, CancellationToken cancellation)
    {
        if (image.Image.IsTarfs) throw new SluiceException(SluiceError.Image, image.Source.Store.Name, "tarfs images have no data in the registry that could be read by range");
        RafsBlob blob = image.Image.Blobs[index];
        ChunkInfo[] listed = image.Image.Chunks[index];
        if ((blob.Features & NeedsTable) == BlobFeatures.None && listed.Length > 0) return new ChunkDecoder(blob, listed);
        if (image.BlobMetas.TryGetValue(blob.Id, out ReadOnlyMemory<byte> cached))
        {
            return new ChunkDecoder(blob, ChunkInfoReader.ReadCacheFile(blob, cached.Span).WithTrusted(listed));
        }

        (long offset, int length) = ChunkInfoReader.GetRange(blob);
        byte[] section = new byte[length];
        Digest holder = blob.Features.HasFlag(BlobFeatures.Separate) ? Digest.Parse("sha256:" + blob.MetaDigest) : RemoteRafsImage.DigestOf(blob);
        await source.ReadAsync(holder, offset, section, cancellation);
        fetched?.Invoke(length);
        return new ChunkDecoder(blob, ChunkInfoReader.ReadSection(blob, section).WithTrusted(listed));
    }
}
