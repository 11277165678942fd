using System.IO.Compression;
using System.Security.Cryptography;
using Sluice.Formats.Compression;
using Sluice.Formats.Oci;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs.Artifacts;

/// <summary>
/// The last layer of a RAFS image: a tar.gz with the directory <c>image</c>, the bootstrap <c>image/image.boot</c> and, for each
/// blob, its chunk-info table <c>image/&lt;blob id&gt;.blob.meta</c> in the form of nydusd's cache; where it is known what a start needs,
/// <c>image/prefetch.files</c>. Readers pass over other entries.
/// </summary>
public sealed class BootstrapLayer
{
    private const string BootstrapPath = "image/image.boot";
    private const string MetaSuffix = ".blob.meta";
    private const string PrefetchPath = "image/prefetch.files";

    /// <summary>nydus-image's own limit for metadata is 2 GiB; nothing real comes near a quarter of it.</summary>
    private const long MaxBootstrapSize = 512L << 20;

    private const long MaxMetaSize = 512L << 20;

    /// <summary>tar(1) fills up to 10 KiB behind the end of the archive.</summary>
    private const int MaxPadding = 1 << 20;

    public required ReadOnlyMemory<byte> Bootstrap { get; init; }

    /// <summary>Chunk-info tables by blob id.</summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<byte>> BlobMetas { get; init; } = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);

    /// <summary>See <see cref="Prefetch.PrefetchFiles"/>; not looked into. Empty: it is not there.</summary>
    public ReadOnlyMemory<byte> PrefetchFiles { get; init; }

    /// <summary>Reads the layer. Keeps the bootstrap and the tables in memory.</summary>
    /// <returns>The layer and the digest of the tar inside.</returns>
    /// <exception cref="InvalidFormatException">Not a bootstrap layer, not gzip, or too large.</exception>
    public static (BootstrapLayer Layer, Digest DiffId) Read(Stream layer)
    {
        using var content = new HashedStream(new GzipDecompressionStream(layer, leaveOpen: true));
        byte[]? bootstrap = null;
        byte[] prefetch = [];
        long metaSize = 0;
        var metas = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        using var tar = new TarReader(content);
        while (tar.ReadEntry() is { } entry)
        {
            if (entry.Type != TarEntryType.Regular) continue;
            string path = entry.Path.ToString();
            if (path is BootstrapPath or "image.boot") bootstrap = ReadContent(tar, entry, MaxBootstrapSize);
            else if (path is PrefetchPath && entry.Size <= Prefetch.PrefetchFiles.MaxLength) prefetch = ReadContent(tar, entry, Prefetch.PrefetchFiles.MaxLength);
            else if (path.EndsWith(MetaSuffix, StringComparison.Ordinal))
            {
                metaSize += entry.Size;
                string id = path[(path.LastIndexOf('/') + 1)..^MetaSuffix.Length];
                metas[id] = ReadContent(tar, entry, MaxMetaSize - metaSize + entry.Size);
            }
        }

        if (bootstrap is null) throw new InvalidFormatException("rafs bootstrap layer", $"there is no {BootstrapPath} in it");
        ReadPadding(content);
        return (new BootstrapLayer { Bootstrap = bootstrap, BlobMetas = metas, PrefetchFiles = prefetch }, content.GetDigest());
    }

    /// <summary>Packs the layer; the same content gives the same bytes.</summary>
    /// <returns>The tar.gz and the digest of the tar inside.</returns>
    public (byte[] Content, Digest DiffId) Pack()
    {
        var packed = new MemoryStream();
        using var hash = SHA256.Create();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
        using (var hashed = new CryptoStream(gzip, hash, CryptoStreamMode.Write))
        using (var tar = new TarWriter(hashed, leaveOpen: true))
        {
            tar.WriteEntry(new TarEntry { Path = new FileName("image"), Type = TarEntryType.Directory, Mode = 0x1ED /* 0755 */ });
            WriteFile(tar, BootstrapPath, Bootstrap.Span);
            foreach ((string id, ReadOnlyMemory<byte> meta) in BlobMetas) WriteFile(tar, $"image/{id}{MetaSuffix}", meta.Span);
            if (!PrefetchFiles.IsEmpty) WriteFile(tar, PrefetchPath, PrefetchFiles.Span);
            tar.Finish();
        }

        return (packed.ToArray(), Digest.FromSha256(hash.Hash));
    }

    private static void WriteFile(TarWriter tar, string path, ReadOnlySpan<byte> content)
    {
        tar.WriteEntry(new TarEntry { Path = new FileName(path), Type = TarEntryType.Regular, Mode = 0x124 /* 0444 */, Size = content.Length });
        tar.WriteContent(content);
    }

    private static void ReadPadding(Stream content)
    {
        byte[] padding = new byte[64 << 10];
        for (int read, rest = MaxPadding; (read = content.Read(padding)) > 0; rest -= read)
        {
            if (rest < read) throw new InvalidFormatException("rafs bootstrap layer", "goes on behind the end of its tar");
        }
    }

    private static byte[] ReadContent(TarReader tar, TarEntry entry, long limit)
    {
        if (entry.Size > limit) throw new InvalidFormatException("rafs bootstrap layer", $"{entry.Path} has {entry.Size} bytes, more than is allowed", tar.Position);
        byte[] content = GC.AllocateUninitializedArray<byte>((int)entry.Size);
        int filled = 0;
        while (filled < content.Length)
        {
            int read = tar.ReadContent(content.AsSpan(filled));
            if (read == 0) throw new InvalidFormatException("rafs bootstrap layer", $"{entry.Path} ends early", tar.Position);
            filled += read;
        }

        return content;
    }

    /// <summary>Hashes what is read. Into the caller's memory: a bootstrap may have hundreds of megabytes, and is read in one piece.</summary>
    private sealed class HashedStream(Stream inner) : ForwardStream
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public Digest GetDigest() => Digest.FromSha256(_hash.GetCurrentHash());

        public override int Read(Span<byte> buffer)
        {
            int read = inner.Read(buffer);
            _hash.AppendData(buffer[..read]);
            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(Read(buffer.Span));

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
                _hash.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
