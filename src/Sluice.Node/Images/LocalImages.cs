using System.Text.Json;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Node.Images;

/// <summary>
/// The metadata of images on the local disk, so that a restart needs no network: <c>images/&lt;manifest digest&gt;/</c> with
/// <c>image.boot</c> (of a RAFS image its bootstrap, which the kernel mounts; of a block image its tables) and <c>image.json</c>. A directory is complete or does not exist; what is damaged
/// counts as missing.
/// </summary>
internal sealed partial class LocalImages(string directory)
{
    /// <summary>Of records: <see cref="StoredRecord"/>.</summary>
    public const int Version = 1;

    private const string MetadataName = "image.boot";
    private const string RecordName = "image.json";
    private const string StartListName = "start";
    private const string ImportPrefix = "import.";

    private readonly Lock _saving = new();

    /// <summary>A path for what an archive is unpacked to.</summary>
    public string NewImportPath() => Path.Combine(directory, $"{ImportPrefix}{Guid.NewGuid():n}");

    public string MetadataPath(Digest manifest) => Path.Combine(directory, manifest.Hex, MetadataName);

    /// <summary>Manifests of the images that are here, damaged or not.</summary>
    public IReadOnlyList<Digest> List() => !Directory.Exists(directory) ? [] :
    [
        .. Directory.EnumerateDirectories(directory)
            .Select(path => Digest.TryParse("sha256:" + Path.GetFileName(path), out Digest digest) ? digest : default)
            .Where(digest => !digest.IsEmpty),
    ];

    /// <summary>True if the image is here, damaged or not.</summary>
    public bool Contains(Digest manifest) => Directory.Exists(Path.Combine(directory, manifest.Hex));

    /// <summary>Loads an image; null if it is not here or damaged.</summary>
    public LocalImage? Load(Digest manifest)
    {
        try
        {
            if (ReadRecord(manifest) is not { } stored) return null;
            byte[] metadata = File.ReadAllBytes(MetadataPath(manifest));
            Digest digest = Digest.Sha256(metadata);
            if (digest.ToString() != stored.Bootstrap) return null;
            var record = new ImageRecord(stored.Reference, manifest, digest, stored.Blobs, stored.DiffId is { } diffId ? Digest.Parse(diffId) : null);
            return new LocalImage(record, MetadataPath(manifest), ImageContent.Parse(metadata)) { StartList = ReadStartList(manifest) };
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or SluiceException)
        {
            return null;
        }
    }

    /// <summary>Empty if there is none, or it can't be read. Nothing vouches for what it says.</summary>
    private byte[] ReadStartList(Digest manifest)
    {
        try
        {
            string path = Path.Combine(directory, manifest.Hex, StartListName);
            return File.Exists(path) ? File.ReadAllBytes(path) : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Full name of an image; null if it is not here or damaged.</summary>
    public string? ReferenceOf(Digest manifest)
    {
        try
        {
            return ReadRecord(manifest)?.Reference;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Data blobs of all images that are here.</summary>
    public IReadOnlySet<Digest> ListBlobs()
    {
        HashSet<Digest> blobs = [];
        foreach (Digest manifest in List())
        {
            try
            {
                if (ReadRecord(manifest) is { } record) blobs.UnionWith(record.Blobs.Keys.Select(Digest.Parse));
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or SluiceException)
            {
                // Damaged: what it used is fetched again with it.
            }
        }

        return blobs;
    }

    /// <summary>Stores a downloaded image. One that is here and intact stays: it may be mounted.</summary>
    /// <param name="begun">Told what it will be, before it is stored: its blobs can be read, its metadata can't be mounted.</param>
    /// <exception cref="SluiceException"><see cref="SluiceError.Disk"/>.</exception>
    public LocalImage Save(string reference, DownloadedImage image, Action<LocalImage>? begun = null)
    {
        Digest manifest = image.Source.Stored.Digest;
        var record = new ImageRecord(
            reference, manifest, Digest.Sha256(image.Metadata.Span),
            image.Source.Manifest.Layers.DistinctBy(l => l.Digest).ToDictionary(l => l.Digest.ToString(), l => l.Size, StringComparer.Ordinal), image.DiffId);
        var fresh = new LocalImage(record, MetadataPath(manifest), image.Content) { StartList = image.StartList };
        begun?.Invoke(fresh);
        LocalImage saved;
        lock (_saving) saved = Store(fresh, image.Metadata.Span);
        image.StoreEnds?.Invoke();
        return saved;
    }

    private LocalImage Store(LocalImage image, ReadOnlySpan<byte> metadata)
    {
        ImageRecord record = image.Record;
        string final = Path.Combine(directory, record.Manifest.Hex), fresh = final + ".new";
        try
        {
            RemoveAny(fresh);
            if (Load(record.Manifest) is { } here) return here;
            Directory.CreateDirectory(fresh, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            WriteDurably(Path.Combine(fresh, MetadataName), metadata);
            if (!image.StartList.IsEmpty) File.WriteAllBytes(Path.Combine(fresh, StartListName), image.StartList.Span);
            var stored = new StoredRecord(Version, record.Reference, record.Manifest.ToString(), record.Bootstrap.ToString(), new Dictionary<string, long>(record.Blobs, StringComparer.Ordinal), "") { DiffId = record.DiffId?.ToString() }.Seal();
            WriteDurably(Path.Combine(fresh, RecordName), JsonSerializer.SerializeToUtf8Bytes(stored, ImageRecordJson.Default.StoredRecord));
            RemoveAny(final);
            Directory.Move(fresh, final);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, directory, $"can't store the metadata of {record.Reference}: {exception.Message}", "free space or mend the disk, then try again", exception);
        }

        return image;
    }

    /// <summary>Forgets images that nobody uses, and what an import that was killed has left. What was imported waits for its pull, as long as something of it is cached.</summary>
    /// <param name="used">Manifests that snapshots refer to.</param>
    /// <param name="cached">Blobs of which something is cached.</param>
    public void RemoveUnused(IReadOnlySet<Digest> used, IReadOnlySet<string> cached)
    {
        foreach (Digest manifest in List().Where(manifest => !used.Contains(manifest)))
        {
            if (!IsImported(manifest) || Load(manifest) is not { } image || !image.Record.Blobs.Keys.Any(cached.Contains)) Remove(manifest);
        }

        if (!Directory.Exists(directory)) return;
        foreach (string left in Directory.EnumerateDirectories(directory, ImportPrefix + "*")) Directory.Delete(left, recursive: true);
    }

    public void Remove(Digest manifest)
    {
        string path = Path.Combine(directory, manifest.Hex);
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
    }

    private StoredRecord? ReadRecord(Digest manifest)
    {
        StoredRecord? stored = JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(directory, manifest.Hex, RecordName)), ImageRecordJson.Default.StoredRecord);
        return stored is not null && stored.IsIntact() && stored.Manifest == manifest.ToString() ? stored : null;
    }

    /// <summary>Also what does not belong here.</summary>
    private static void RemoveAny(string path)
    {
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        else if (File.Exists(path)) File.Delete(path);
    }

    private static void WriteDurably(string path, ReadOnlySpan<byte> content)
    {
        using FileStream file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        file.Write(content);
        file.Flush(flushToDisk: true);
    }
}

/// <summary>An image whose metadata is on the local disk, parsed.</summary>
/// <param name="MetadataPath">The file <c>image.boot</c>.</param>
internal sealed record LocalImage(ImageRecord Record, string MetadataPath, ImageContent Content)
{
    /// <summary>See <see cref="DownloadedImage.StartList"/>.</summary>
    public ReadOnlyMemory<byte> StartList { get; init; }
}
