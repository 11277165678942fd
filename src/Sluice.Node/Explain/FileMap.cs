using Sluice.Build.Look;
using Sluice.Formats.Ext4;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;
using Sluice.Storage.Traces;

namespace Sluice.Node.Explain;

/// <summary>Which file a place of a disk, or of a blob, belongs to. Made for one question and thrown away: it is as large as the image's chunk table.</summary>
internal sealed class FileMap
{
    /// <summary>For the pieces of an image that has one disk, whatever that is called.</summary>
    private const string OnlyDisk = "";

    private const int BlockBits = 12;
    private const int SectorBits = 9;
    private const int MaxSectors = 1 << 14; // of one look-up

    private readonly Dictionary<string, List<Piece>> _disks = new(StringComparer.Ordinal);

    private FileMap()
    {
    }

    /// <summary>Of a RAFS image: chunk by chunk. Of a chunk that several files share, the first file's name.</summary>
    /// <param name="key">What the names of its disks end with.</param>
    public static FileMap Of(RafsImage image, string key)
    {
        var map = new FileMap();
        foreach (TreeEntry entry in TreeWalk.DepthFirst(image.Root))
        {
            long place = 0;
            foreach (ChunkReference reference in entry.Inode.Chunks)
            {
                if (reference.Blob < image.Chunks.Count && reference.Chunk < image.Chunks[reference.Blob].Length)
                {
                    ChunkInfo chunk = image.Chunks[reference.Blob][reference.Chunk];
                    RafsBlob blob = image.Blobs[reference.Blob];
                    map.Add($"{blob.Id}-{key}", new Piece(chunk.UncompressedOffset, chunk.UncompressedSize, entry.Path, place));
                    map.Add(key, new Piece(blob.MappedOffset + chunk.UncompressedOffset, chunk.UncompressedSize, entry.Path, place)); // the flat disk
                }

                place += image.ChunkSize;
            }
        }

        return map.Sort();
    }

    /// <summary>Of a block image with an ext4: extent by extent.</summary>
    public static FileMap Of(Ext4Image image)
    {
        var map = new FileMap();
        foreach (TreeEntry entry in TreeWalk.DepthFirst(image.Root))
        {
            foreach (Ext4Extent extent in image.ExtentsOf(entry.Inode)) map.Add(OnlyDisk, new Piece(extent.Physical << BlockBits, extent.Count << BlockBits, entry.Path, extent.Logical << BlockBits));
        }

        return map.Sort();
    }

    /// <summary>Of the layers of a block image with an ext4: where in their files the files of the image are.</summary>
    /// <param name="index">Of the device that <paramref name="image"/> was read from.</param>
    /// <param name="layers">The lowest first.</param>
    public static FileMap OfLayers(Ext4Image image, MergedIndex index, IReadOnlyList<Digest> layers)
    {
        var map = new FileMap();
        Segment[] segments = new Segment[64];
        foreach (TreeEntry entry in TreeWalk.DepthFirst(image.Root))
        {
            foreach (Ext4Extent extent in image.ExtentsOf(entry.Inode))
            {
                (long sector, long end) = (extent.Physical << (BlockBits - SectorBits), (extent.Physical + extent.Count) << (BlockBits - SectorBits));
                long place = extent.Logical << BlockBits;
                while (sector < end)
                {
                    foreach (Segment segment in segments.AsSpan(0, index.Lookup(sector, (int)Math.Min(end - sector, MaxSectors), segments)))
                    {
                        int length = segment.Sectors << SectorBits;
                        if (!segment.IsZeros) map.Add(NameOf(layers[segment.Layer]), new Piece(segment.MappedOffset << SectorBits, length, entry.Path, place));
                        sector += segment.Sectors;
                        place += length;
                    }
                }
            }
        }

        return map.Sort();
    }

    /// <summary>The first file in a range of a disk; null: none is there.</summary>
    public string? Find(string disk, long offset, int length) => Locate(disk, offset, length)?.Path;

    /// <summary>The first file in a range of a blob, and where in it that is; null: none is there. For maps of <see cref="OfLayers"/>, and those of RAFS images without key.</summary>
    public FilePlace? Locate(Digest blob, long offset, int length) => Locate(NameOf(blob), offset, length);

    private static string NameOf(Digest blob) => $"{blob.Hex}-";

    private FilePlace? Locate(string disk, long offset, int length)
    {
        if (!_disks.TryGetValue(disk, out List<Piece>? pieces) && !_disks.TryGetValue(OnlyDisk, out pieces)) return null;
        (int low, int high) = (0, pieces.Count);
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (pieces[middle].Offset + pieces[middle].Length <= offset) low = middle + 1;
            else high = middle;
        }

        if (low == pieces.Count || pieces[low].Offset >= offset + length) return null;
        return new FilePlace(PrintableName.Of(pieces[low].Path), pieces[low].Place + Math.Max(0, offset - pieces[low].Offset));
    }

    private FileMap Sort()
    {
        foreach (List<Piece> pieces in _disks.Values) pieces.Sort(static (one, other) => one.Offset.CompareTo(other.Offset));
        return this;
    }

    private void Add(string disk, Piece piece)
    {
        if (!_disks.TryGetValue(disk, out List<Piece>? pieces)) _disks[disk] = pieces = [];
        pieces.Add(piece);
    }

    /// <param name="Offset">On the disk.</param>
    /// <param name="Place">In the file.</param>
    private readonly record struct Piece(long Offset, int Length, FileName Path, long Place);
}
