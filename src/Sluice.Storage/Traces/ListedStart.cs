using Sluice.Formats.Ext4;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.Prefetch;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;

namespace Sluice.Storage.Traces;

/// <summary>
/// A start that somebody has listed, in an image or beside it, as the trace that it would have been: everything in the listed order, at the time zero. What the image does not have is left out, so a list of another image does no
/// harm; of too long a list the beginning is taken. Null where nothing is left.
/// </summary>
public static class ListedStart
{
    private const int BlockBits = 12;
    private const int SectorBits = 9;

    /// <summary>Bytes of a read: what is fetched ahead goes to the cache in whole chunks anyway.</summary>
    private const int MaxRead = 1 << 20;

    /// <summary>The prefetch table of a RAFS image. The root, which Nydus's converters write by default, says nothing of a start: what is not here yet comes in the background anyway.</summary>
    public static StartTrace? OfTable(Digest manifest, RafsImage image) =>
        Of(manifest, image.Prefetch.Distinct().Where(inode => inode != image.Root).SelectMany(TreeWalk.Inodes).SelectMany(file => ChunksOf(image, file, 0, FileRange.All)));

    public static StartTrace? OfFiles(Digest manifest, RafsImage image, IEnumerable<FileRange> files) =>
        Of(manifest, FilesIn(image.Root, files).SelectMany(part => ChunksOf(image, part.File, part.Range.Offset, part.Range.End)));

    /// <param name="index">Of the device that <paramref name="image"/> was read from.</param>
    /// <param name="layers">The lowest first.</param>
    public static StartTrace? OfFiles(Digest manifest, Ext4Image image, MergedIndex index, IReadOnlyList<Digest> layers, IEnumerable<FileRange> files) =>
        Of(manifest, FilesIn(image.Root, files).SelectMany(part => image.ExtentsOf(part.File).SelectMany(extent => PiecesOf(extent, index, layers, part.Range))));

    /// <summary>What overlaybd has recorded.</summary>
    /// <param name="layers">The lowest first.</param>
    public static StartTrace? OfRecords(Digest manifest, IEnumerable<TraceRecord> records, IReadOnlyList<Digest> layers) =>
        Of(manifest, records.Where(record => record.Operation == 'R' && record.Layer < layers.Count).SelectMany(record => Pieces(layers[record.Layer], record.Offset, record.Length)));

    private static StartTrace? Of(Digest manifest, IEnumerable<TraceRead> reads)
    {
        TraceRead[] all = [.. reads.Distinct().Take(TraceRecorder.MaxReads)];
        return all.Length == 0 ? null : new StartTrace(manifest, all);
    }

    private static IEnumerable<(Inode File, FileRange Range)> FilesIn(Inode root, IEnumerable<FileRange> ranges)
    {
        HashSet<Inode> walked = [root]; // a list may name one directory a thousand times
        foreach (FileRange range in ranges)
        {
            if (TreeWalk.Find(root, range.Path) is not { } found) continue;
            if (found.Entries is null) yield return (found, range);
            else if (range.IsAll && walked.Add(found)) foreach (Inode file in TreeWalk.Inodes(found)) yield return (file, range);
        }
    }

    private static IEnumerable<TraceRead> ChunksOf(RafsImage image, Inode file, long start, long end)
    {
        for (long number = start / image.ChunkSize; number < file.Chunks.Count && number * image.ChunkSize < end; number++)
        {
            ChunkReference reference = file.Chunks[(int)number];
            if (reference.Blob >= image.Chunks.Count || reference.Chunk >= image.Chunks[reference.Blob].Length) continue;
            ChunkInfo chunk = image.Chunks[reference.Blob][reference.Chunk];
            if (chunk.UncompressedSize > 0) yield return new TraceRead(RemoteRafsImage.DigestOf(image.Blobs[reference.Blob]), chunk.UncompressedOffset, chunk.UncompressedSize, TimeSpan.Zero, WasHere: false);
        }
    }

    private static IEnumerable<TraceRead> PiecesOf(Ext4Extent extent, MergedIndex index, IReadOnlyList<Digest> layers, FileRange range)
    {
        long first = Math.Max(extent.Logical, range.Offset >> BlockBits), end = Math.Min(extent.End, ((range.End - 1) >> BlockBits) + 1);
        Segment[] segments = new Segment[16];
        (long sector, long last) = ((extent.Physical + first - extent.Logical) << (BlockBits - SectorBits), (extent.Physical + end - extent.Logical) << (BlockBits - SectorBits));
        while (sector < last)
        {
            int count = index.Lookup(sector, (int)Math.Min(last - sector, MaxRead >> SectorBits), segments);
            foreach (Segment segment in segments.AsSpan(0, count).ToArray())
            {
                sector += segment.Sectors;
                if (!segment.IsZeros) yield return new TraceRead(layers[segment.Layer], segment.MappedOffset << SectorBits, segment.Sectors << SectorBits, TimeSpan.Zero, WasHere: false);
            }
        }
    }

    private static IEnumerable<TraceRead> Pieces(Digest blob, long offset, long length)
    {
        for (; length > 0; offset += MaxRead, length -= MaxRead) yield return new TraceRead(blob, offset, (int)Math.Min(length, MaxRead), TimeSpan.Zero, WasHere: false);
    }
}
