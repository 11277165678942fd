using Sluice.Build.Look;
using Sluice.Formats.Ext4;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;

namespace Sluice.Node.Explain;

/// <summary>Which file a place of a disk belongs to. Made for one question and thrown away: it is as large as the image's chunk table.</summary>
internal sealed class FileMap
{
    /// <summary>For the pieces of an image that has one disk, whatever that is called.</summary>
    private const string OnlyDisk = "";

    private const int BlockBits = 12;

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
            foreach (ChunkReference reference in entry.Inode.Chunks)
            {
                if (reference.Blob >= image.Chunks.Count || reference.Chunk >= image.Chunks[reference.Blob].Length) continue;
                ChunkInfo chunk = image.Chunks[reference.Blob][reference.Chunk];
                RafsBlob blob = image.Blobs[reference.Blob];
                map.Add($"{blob.Id}-{key}", chunk.UncompressedOffset, chunk.UncompressedSize, entry.Path);
                map.Add(key, blob.MappedOffset + chunk.UncompressedOffset, chunk.UncompressedSize, entry.Path); // the flat disk
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
            foreach (Ext4Extent extent in image.ExtentsOf(entry.Inode)) map.Add(OnlyDisk, extent.Physical << BlockBits, extent.Count << BlockBits, entry.Path);
        }

        return map.Sort();
    }

    /// <summary>The first file in a range; null: none is there.</summary>
    public string? Find(string disk, long offset, int length)
    {
        if (!_disks.TryGetValue(disk, out List<Piece>? pieces) && !_disks.TryGetValue(OnlyDisk, out pieces)) return null;
        (int low, int high) = (0, pieces.Count);
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (pieces[middle].Offset + pieces[middle].Length <= offset) low = middle + 1;
            else high = middle;
        }

        return low < pieces.Count && pieces[low].Offset < offset + length ? PrintableName.Of(pieces[low].Path) : null;
    }

    private FileMap Sort()
    {
        foreach (List<Piece> pieces in _disks.Values) pieces.Sort(static (one, other) => one.Offset.CompareTo(other.Offset));
        return this;
    }

    private void Add(string disk, long offset, int length, FileName path)
    {
        if (!_disks.TryGetValue(disk, out List<Piece>? pieces)) _disks[disk] = pieces = [];
        pieces.Add(new Piece(offset, length, path));
    }

    private readonly record struct Piece(long Offset, int Length, FileName Path);
}
