using System.Security.Cryptography;
using Sluice.Formats;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Storage.Cache;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Images;

/// <summary>
/// Finds out where the chunks of a blob are. The bootstrap says it for most; one with batches or gzip streams also needs its
/// chunk-info table: the one that came with the bootstrap, a kept copy, or one ranged read. Where the size of the blob that holds
/// it is known, the table is checked through the blob's table of contents, whose digest the bootstrap holds; elsewhere a wrong
/// table shows as chunks with wrong digests.
/// </summary>
public sealed class ChunkInfoLoader
{
    private readonly RafsImage _image;
    private readonly IReadOnlyList<IBlobSource> _sources;
    private readonly Func<Digest, long>? _sizes;
    private readonly CacheDirectory? _directory;
    private readonly IReadOnlyDictionary<string, ReadOnlyMemory<byte>>? _delivered;

    /// <summary>For an image that is looked at: nothing is kept.</summary>
    public ChunkInfoLoader(RemoteRafsImage image)
    {
        (_image, _sources, _delivered) = (image.Image, [image.Source.Store], image.BlobMetas);
        _sizes = digest => image.Source.Manifest.Layers.FirstOrDefault(layer => layer.Digest == digest)?.Size ?? 0;
    }

    /// <summary>For an image that is served: tables are kept in <paramref name="directory"/>, beside the blobs' data.</summary>
    /// <param name="sizes">Bytes of a blob as the manifest says, or 0 where unknown.</param>
    internal ChunkInfoLoader(RafsImage image, IReadOnlyList<IBlobSource> sources, Func<Digest, long>? sizes, CacheDirectory directory) =>
        (_image, _sources, _sizes, _directory) = (image, sources, sizes, directory);

    /// <summary>Bytes of tables that had to be fetched so far.</summary>
    public long BytesFetched { get; private set; }

    /// <summary>Opens blob <paramref name="index"/> of the image. One call at a time.</summary>
    /// <exception cref="SluiceException">No source delivers a usable table, or the blob is a plain tar.</exception>
    public async Task<ChunkDecoder> OpenAsync(int index, CancellationToken cancellation)
    {
        RafsBlob blob = _image.Blobs[index];
        if (_image.IsTarfs) throw new SluiceException(SluiceError.Image, $"blob {blob.Id}", "is a plain tar (tarfs), which has no data in the registry that could be read by range");
        ChunkInfo[] listed = _image.Chunks[index];
        bool needsTable = (blob.Features & (BlobFeatures.Batch | BlobFeatures.Zran)) != BlobFeatures.None;
        return needsTable ? new ChunkDecoder(blob, await LoadAsync(blob, listed, cancellation)) : new ChunkDecoder(blob, listed);
    }

    private async Task<ChunkInfoTable> LoadAsync(RafsBlob blob, ChunkInfo[] trusted, CancellationToken cancellation)
    {
        if (_delivered?.TryGetValue(blob.Id, out ReadOnlyMemory<byte> delivered) == true) return ChunkInfoReader.ReadCacheFile(blob, delivered.Span).WithTrusted(trusted);
        Digest data = RemoteRafsImage.DigestOf(blob);
        bool separate = blob.Features.HasFlag(BlobFeatures.Separate) && blob.Cipher == RafsCipher.None && blob.MetaDigest != default;
        Digest holder = separate ? Digest.Parse($"sha256:{blob.MetaDigest}") : data;
        (long offset, int length) = ChunkInfoReader.GetRange(blob);
        string? path = _directory is null ? null : Path.Combine(_directory.GetBlobDirectory(data), CacheDirectory.ChunkInfoFile);
        if (path is not null && ReadStored(path, length) is { } stored && TryParse(blob, stored, trusted) is { } known) return known;

        List<string> faults = [];
        foreach (IBlobSource source in _sources.OrderBy(source => source.Place is not { } place ? 0 : place.Distrusts(holder) ? 2 : place.IsResting ? 1 : 0))
        {
            try
            {
                byte[] section = new byte[length];
                await FetchAsync(source, holder, offset, section, cancellation);
                await CheckAsync(source, blob, holder, separate ? blob.MetaSize : _sizes?.Invoke(data) ?? 0, section, cancellation);
                ChunkInfoTable table = ChunkInfoReader.ReadSection(blob, section).WithTrusted(trusted);
                _directory?.Keep(data, CacheDirectory.ChunkInfoFile, [.. section, .. SHA256.HashData(section)]);
                return table;
            }
            catch (SluiceException e)
            {
                if (e is InvalidFormatException) source.Reject(holder);
                faults.Add(e is InvalidFormatException ? $"{source.Name}: {e.Message}" : e.Message);
            }
        }

        throw new SluiceException(SluiceError.Source, $"blob {holder}", $"can't load the chunk-info table: {string.Join("; ", faults)}");
    }

    private async Task FetchAsync(IBlobSource source, Digest holder, long offset, byte[] destination, CancellationToken cancellation)
    {
        await source.ReadAsync(holder, offset, destination, cancellation);
        BytesFetched += destination.Length;
    }

    private async Task CheckAsync(IBlobSource source, RafsBlob blob, Digest holder, long size, byte[] section, CancellationToken cancellation)
    {
        if (blob.TocDigest == default || size < BlobToc.TailSize) return;
        byte[] tail = new byte[BlobToc.TailSize];
        await FetchAsync(source, holder, size - tail.Length, tail, cancellation);
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
}
