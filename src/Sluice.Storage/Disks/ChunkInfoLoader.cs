using System.Security.Cryptography;
using Sluice.Formats;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Storage.Cache;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Disks;

/// <summary>
/// Gets the chunk-info table of a blob whose bootstrap alone does not say how to decode it (batches, gzip streams): from the
/// cache directory, else with one ranged read. Where the size of the blob that holds it is known, the table is checked through
/// the blob's table of contents, whose digest the bootstrap holds; elsewhere a wrong table shows as chunks with wrong digests.
/// </summary>
internal sealed class ChunkInfoLoader(CacheDirectory directory, IReadOnlyList<IBlobSource> sources)
{
    private const string FileName = "chunk-info";

    /// <summary>Whether the chunk table of the bootstrap is not enough.</summary>
    public static bool IsNeededFor(RafsBlob blob) => (blob.Features & (BlobFeatures.Batch | BlobFeatures.Zran)) != BlobFeatures.None;

    /// <param name="blobSize">Bytes of the blob as the manifest says, or 0 where unknown.</param>
    /// <exception cref="SluiceException">No source delivers a usable table.</exception>
    public async Task<ChunkInfoTable> LoadAsync(RafsBlob blob, ChunkInfo[] trusted, long blobSize, CancellationToken cancellation)
    {
        Digest data = Digest.Parse("sha256:" + blob.Id);
        bool separate = blob.Features.HasFlag(BlobFeatures.Separate) && blob.Cipher == RafsCipher.None && blob.MetaDigest != default;
        Digest holder = separate ? Digest.Parse($"sha256:{blob.MetaDigest}") : data;
        (long offset, int length) = ChunkInfoReader.GetRange(blob);
        string path = Path.Combine(directory.GetBlobDirectory(data), FileName);
        if (ReadStored(path, length) is { } stored && TryParse(blob, stored, trusted) is { } known) return known;

        List<string> faults = [];
        foreach (IBlobSource source in sources)
        {
            try
            {
                byte[] section = new byte[length];
                await source.ReadAsync(holder, offset, section, cancellation);
                await CheckAsync(source, blob, holder, separate ? blob.MetaSize : blobSize, section, cancellation);
                ChunkInfoTable table = ChunkInfoReader.ReadSection(blob, section).WithTrusted(trusted);
                Keep(path, section);
                return table;
            }
            catch (SluiceException e)
            {
                faults.Add(e is InvalidFormatException ? $"{source.Name}: {e.Message}" : e.Message);
            }
        }

        throw new SluiceException(SluiceError.Source, $"blob {holder}", $"can't load the chunk-info table: {string.Join("; ", faults)}");
    }

    private static async Task CheckAsync(IBlobSource source, RafsBlob blob, Digest holder, long size, byte[] section, CancellationToken cancellation)
    {
        if (blob.TocDigest == default || size < BlobToc.TailSize) return;
        byte[] tail = new byte[BlobToc.TailSize];
        await source.ReadAsync(holder, size - tail.Length, tail, cancellation);
        BlobToc? toc = BlobToc.ReadTail(size, tail, out _);
        if (toc is null || !IsTrusted(toc, tail, blob)) throw new InvalidFormatException("nydus blob toc", "is not the one that the bootstrap names");
        (_, int length) = ChunkInfoReader.GetRange(blob);
        if (toc.Find("blob.meta") is { } entry) _ = entry.Unpack(section.AsSpan(0, (int)Math.Min(entry.CompressedSize, length)));
    }

    /// <summary>The digest is defined over the entries and their tar header; images exist whose merge was given that of the entries alone.</summary>
    private static bool IsTrusted(BlobToc toc, ReadOnlySpan<byte> tail, RafsBlob blob)
    {
        const int TarHeader = 512;
        ReadOnlySpan<byte> entries = tail[^toc.StoredSize..^TarHeader];
        return toc.Digest == blob.TocDigest || ChunkDigest.Compute(DigestAlgorithm.Sha256, entries) == blob.TocDigest;
    }

    private static ChunkInfoTable? TryParse(RafsBlob blob, byte[] section, ChunkInfo[] trusted)
    {
        try
        {
            return ChunkInfoReader.ReadSection(blob, section).WithTrusted(trusted);
        }
        catch (InvalidFormatException)
        {
            return null;
        }
    }

    /// <summary>The file is the section and its SHA-256: it was checked when it came, this finds what rotted since.</summary>
    private static byte[]? ReadStored(string path, int length)
    {
        try
        {
            if (!File.Exists(path) || new FileInfo(path).Length != length + SHA256.HashSizeInBytes) return null;
            byte[] file = File.ReadAllBytes(path);
            if (file.Length != length + SHA256.HashSizeInBytes) return null;
            return SHA256.HashData(file.AsSpan(0, length)).AsSpan().SequenceEqual(file.AsSpan(length)) ? file[..length] : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static void Keep(string path, byte[] section)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, [.. section, .. SHA256.HashData(section)]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Only a copy: the next start fetches it again.
        }
    }
}
