using System.Security.Cryptography;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>The table of contents at the end of a blob: which sections it has, and where. Immutable.</summary>
public sealed class BlobToc
{
    /// <summary>What nydus reads when it looks for a TOC of unknown size: enough for 28 entries.</summary>
    public const int TailSize = 4096;

    private const int MaxSize = 64 << 10;

    public BlobToc(IReadOnlyList<BlobTocEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        Entries = entries;
        byte[] bytes = ToBytes();
        Digest = new ChunkDigest(SHA256.HashData(bytes));
        EntriesDigest = new ChunkDigest(SHA256.HashData(bytes.AsSpan(..^BlobTarHeader.Size)));
        StoredSize = bytes.Length;
    }

    private BlobToc(IReadOnlyList<BlobTocEntry> entries, ReadOnlySpan<byte> stored)
    {
        Entries = entries;
        Digest = new ChunkDigest(SHA256.HashData(stored));
        EntriesDigest = new ChunkDigest(SHA256.HashData(stored[..^BlobTarHeader.Size]));
        StoredSize = stored.Length;
    }

    public IReadOnlyList<BlobTocEntry> Entries { get; }

    /// <summary>sha256 of the entries and their tar header: what nydus means by the TOC digest, and what it checks when it knows the TOC's size.</summary>
    public ChunkDigest Digest { get; }

    /// <summary>sha256 of the entries alone: what converters have merges write for separate blobs, with a TOC size of 0.</summary>
    public ChunkDigest EntriesDigest { get; }

    /// <summary>Bytes of the entries and their tar header.</summary>
    public int StoredSize { get; }

    /// <summary>Reads the TOC out of the last bytes of a blob.</summary>
    /// <param name="blobSize">Size of the whole blob.</param>
    /// <param name="tail">The last bytes of the blob; <see cref="TailSize"/> of them (or the whole blob) are always enough for known writers.</param>
    /// <param name="neededFrom">
    /// When null is returned: where the tail has to start for another try, or <paramref name="blobSize"/> when there is no TOC.
    /// </param>
    /// <exception cref="InvalidFormatException">There is a TOC and it is broken.</exception>
    public static BlobToc? ReadTail(long blobSize, ReadOnlySpan<byte> tail, out long neededFrom)
    {
        if (tail.Length > blobSize) throw new ArgumentException("the tail is longer than the blob", nameof(tail));
        neededFrom = blobSize;
        if (blobSize < BlobTarHeader.Size) return null;
        if (tail.Length < BlobTarHeader.Size)
        {
            neededFrom = Math.Max(0, blobSize - TailSize);
            return null;
        }

        if (!BlobTarHeader.TryRead(tail[^BlobTarHeader.Size..], out string name, out long size) || name != BlobSection.Toc) return null;
        if (size is 0 or > MaxSize - BlobTarHeader.Size || size % BlobTocEntry.Size != 0 || size + BlobTarHeader.Size > blobSize)
        {
            throw new InvalidFormatException("nydus blob toc", $"a table of {size} bytes in a blob of {blobSize}", blobSize - BlobTarHeader.Size);
        }

        int stored = (int)size + BlobTarHeader.Size;
        if (tail.Length < stored)
        {
            neededFrom = blobSize - stored;
            return null;
        }

        return Read(tail[^stored..], blobSize - stored);
    }

    public BlobTocEntry? Find(string name)
    {
        foreach (BlobTocEntry entry in Entries)
        {
            if (entry.Name == name) return entry;
        }

        return null;
    }

    /// <summary>The entries followed by their tar header, as they stand at the end of a blob.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[(Entries.Count * BlobTocEntry.Size) + BlobTarHeader.Size];
        for (int i = 0; i < Entries.Count; i++) Entries[i].Write(bytes.AsSpan(i * BlobTocEntry.Size));
        BlobTarHeader.Write(bytes.AsSpan(Entries.Count * BlobTocEntry.Size), BlobSection.Toc, Entries.Count * BlobTocEntry.Size);
        return bytes;
    }

    private static BlobToc Read(ReadOnlySpan<byte> stored, long end)
    {
        var entries = new BlobTocEntry[(stored.Length - BlobTarHeader.Size) / BlobTocEntry.Size];
        for (int i = 0; i < entries.Length; i++)
        {
            BlobTocEntry entry = BlobTocEntry.Read(stored.Slice(i * BlobTocEntry.Size, BlobTocEntry.Size));
            if (entry.Offset + entry.CompressedSize > end)
            {
                throw new InvalidFormatException("nydus blob toc", $"section '{entry.Name}' reaches beyond the blob", end + (i * BlobTocEntry.Size));
            }

            entries[i] = entry;
        }

        return new BlobToc(entries, stored);
    }
}
