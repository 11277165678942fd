using System.Formats.Tar;
using System.Globalization;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <content>
/// Cache content as a tar, to seed nodes that have no network: for each blob <c>ALGORITHM/HEX/chunks</c> (<see cref="ArchivedBlob"/>), <c>ALGORITHM/HEX/chunk-info</c> where there is one
/// (<see cref="ChunkInfoFile"/>), then <c>ALGORITHM/HEX/NUMBER</c> for each chunk: its <see cref="ChunkRecord"/>, and its bytes.
/// </content>
public sealed partial class CacheDirectory
{
    private const string ListName = "chunks";
    private const string ImportedMark = "imported";

    /// <summary>Beside a blob's data: its chunk-info table, and the SHA-256 of it. Only blobs that the bootstrap does not describe have one.</summary>
    internal const string ChunkInfoFile = "chunk-info";

    private const int MaxChunkBytes = 64 << 20;

    /// <summary>Writes what is stored of open blobs. Chunks are checked on the way.</summary>
    public CacheArchiveSummary Export(IReadOnlySet<Digest> blobs, TarWriter tar, CancellationToken cancellation)
    {
        CacheArchiveSummary sum = default;
        foreach (BlobCache cache in OpenCaches().Where(cache => blobs.Contains(cache.Blob)).DistinctBy(cache => cache.Blob))
        {
            ChunkIdentity[] all = cache.Identities.All.ToArray();
            string directory = $"{cache.Blob.Algorithm}/{cache.Blob.Hex}/";
            Write(tar, directory + ListName, ArchivedBlob.Write(cache.Length, cache.NumberCount, cache.HasContentDigests, all));
            if (ReadChunkInfo(cache.Blob) is { } table) Write(tar, directory + ChunkInfoFile, table);
            sum = sum with { Blobs = sum.Blobs + 1 };
            foreach (ChunkIdentity chunk in all)
            {
                cancellation.ThrowIfCancellationRequested();
                byte[] content = new byte[ChunkRecord.Size + chunk.Length];
                if (cache.CheckChunk(chunk, content.AsSpan(ChunkRecord.Size)) != ChunkState.Good) continue;
                ChunkRecord.Of(chunk.Number, chunk.Digest, content.AsSpan(ChunkRecord.Size)).Write(content);
                Write(tar, directory + chunk.Number.ToString(CultureInfo.InvariantCulture), content);
                sum = sum with { Chunks = sum.Chunks + 1, Bytes = sum.Bytes + chunk.Length };
            }
        }

        return sum;
    }

    /// <summary>
    /// Stores what an archive holds and the cache has not. Every chunk is checked against its digest; those of block layers, which have none, only for damage: an archive
    /// with block layers must come from a node that is trusted like their registry. Blobs that no image uses yet stay until one has, or until their space is needed.
    /// </summary>
    /// <param name="takes">Asked first about each entry: true if it was somebody else's, and has been taken.</param>
    /// <exception cref="SluiceException">That is no archive of a cache.</exception>
    public CacheArchiveSummary Import(Stream source, CancellationToken cancellation, Func<TarEntry, bool>? takes = null)
    {
        CacheArchiveSummary sum = default;
        ArchivedBlob? blob = null;
        BlobCache? cache = null;
        try
        {
            using TarReader tar = new(source, leaveOpen: true);
            while (tar.GetNextEntry() is { } entry)
            {
                cancellation.ThrowIfCancellationRequested();
                if (takes?.Invoke(entry) == true) continue;
                string[] parts = entry.Name.Split('/');
                if (parts.Length != 3 || !Digest.TryParse($"{parts[0]}:{parts[1]}", out Digest digest) || entry.DataStream is not { } data)
                    throw new InvalidFormatException("cache archive", $"an entry '{entry.Name}'");
                if (parts[2] == ListName)
                {
                    Imported(cache);
                    cache = null;
                    blob = ArchivedBlob.Read(digest, Read(data, entry, int.MaxValue / 2));
                    cache = Open(blob);
                    sum = sum with { Blobs = sum.Blobs + 1 };
                    continue;
                }

                if (parts[2] == ChunkInfoFile && blob?.Blob == digest)
                {
                    Keep(digest, ChunkInfoFile, Read(data, entry, MaxChunkBytes)); // whoever reads it checks it
                    continue;
                }

                if (blob is null || cache is null || blob.Blob != digest || !int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out int number))
                    throw new InvalidFormatException("cache archive", $"an entry '{entry.Name}' that belongs to no blob");
                byte[] content = Read(data, entry, MaxChunkBytes);
                if (cache.IsPresent(number)) continue;
                sum = Store(cache, blob, number, content)
                    ? sum with { Chunks = sum.Chunks + 1, Bytes = sum.Bytes + content.Length - ChunkRecord.Size }
                    : sum with { Refused = sum.Refused + 1 };
            }
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException or ArgumentException or OverflowException or NotSupportedException)
        {
            throw new InvalidFormatException("cache archive", $"is cut off, or no archive that `sluice cache export` made: {e.Message}");
        }
        finally
        {
            Imported(cache);
        }

        return sum;
    }

    private static bool Store(BlobCache cache, ArchivedBlob blob, int number, ReadOnlySpan<byte> content)
    {
        int slot = blob.SlotOf(number);
        if (slot < 0 || content.Length != ChunkRecord.Size + blob.GetExtent(slot).Length) return false;
        ReadOnlySpan<byte> chunk = content[ChunkRecord.Size..];
        return ChunkRecord.Read(content) == ChunkRecord.Of(number, blob.GetIdentity(slot), chunk) && blob.Verify(slot, chunk) && cache.Store(blob, slot, chunk);
    }

    /// <summary>A blob that nobody uses would otherwise go with the next image that is removed.</summary>
    private void Imported(BlobCache? cache)
    {
        if (cache is null) return;
        Close(cache);
        lock (_gate)
        {
            if (_disposed || _open.ContainsKey(cache.Key)) return;
            try
            {
                File.WriteAllBytes(Path.Combine(_root, cache.Key, ImportedMark), []);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _options.Log?.Invoke($"cache {_root}: what was imported of blob {cache.Blob} may go before it is used: {e.Message}");
            }
        }
    }

    /// <summary>From now on it goes with the images that use it.</summary>
    private void Used(string key)
    {
        try
        {
            if (IsImported(key)) File.Delete(Path.Combine(_root, key, ImportedMark));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then it stays longer.
        }
    }

    private byte[]? ReadChunkInfo(Digest blob)
    {
        try
        {
            string path = Path.Combine(GetBlobDirectory(blob), ChunkInfoFile);
            return File.Exists(path) ? File.ReadAllBytes(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private bool IsImported(string key) => File.Exists(Path.Combine(_root, key, ImportedMark));

    private static byte[] Read(Stream data, TarEntry entry, int limit)
    {
        if (entry.Length > limit) throw new InvalidFormatException("cache archive", $"an entry '{entry.Name}' of {entry.Length} bytes");
        byte[] content = new byte[entry.Length];
        data.ReadExactly(content);
        return content;
    }

    private static void Write(TarWriter tar, string name, byte[] content) =>
        tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content, writable: false), Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
}
