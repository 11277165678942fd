using System.Runtime.InteropServices;
using Sluice.Formats.Erofs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs.V6;

/// <summary>
/// Chunks of tarfs images, which list none: every distinct piece of a tar that a file uses becomes one. In the end they are
/// numbered by their place in the tar, as the chunks of all other blobs are.
/// </summary>
internal sealed class TarChunks(ErofsImage image, List<RafsBlob> blobs)
{
    private readonly List<ChunkInfo>[] _chunks = [.. blobs.Select(_ => new List<ChunkInfo>())];
    private readonly Dictionary<(int Blob, uint Block, int Length), int> _numbers = [];
    private readonly List<ChunkReference[]> _files = [];

    /// <summary>The chunk with a number that is good until <see cref="Finish"/>.</summary>
    public ChunkReference Add(in ErofsNode node, int blob, uint block, int length)
    {
        if (_numbers.TryGetValue((blob, block, length), out int number)) return new ChunkReference(blob, number);
        long offset = (long)block * image.BlockSize;
        if (offset + length > blobs[blob].UncompressedSize) throw image.Invalid("content beyond the end of the tar", node.Offset);
        number = _chunks[blob].Count;
        _numbers.Add((blob, block, length), number);
        _chunks[blob].Add(new ChunkInfo
        {
            CompressedOffset = offset,
            CompressedSize = length,
            UncompressedOffset = offset,
            UncompressedSize = length,
        });
        return new ChunkReference(blob, number);
    }

    /// <summary>Remembers a file's references, to give them their final numbers.</summary>
    public void Renumber(ChunkReference[] file) => _files.Add(file);

    /// <summary>Per blob, its chunks in the order of the tar; the files' references follow.</summary>
    public IReadOnlyList<ChunkInfo[]> Finish()
    {
        int[][] numbers = [.. _chunks.Select(Sort)];
        foreach (ChunkReference[] file in _files)
        {
            for (int i = 0; i < file.Length; i++) file[i] = file[i] with { Chunk = numbers[file[i].Blob][file[i].Chunk] };
        }

        return [.. _chunks.Select(chunks => chunks.ToArray())];
    }

    /// <summary>Sorts a blob's chunks; returns the new number of each old one.</summary>
    private int[] Sort(List<ChunkInfo> chunks)
    {
        int[] order = [.. Enumerable.Range(0, chunks.Count)];
        CollectionsMarshal.AsSpan(chunks).Sort(order.AsSpan(), (x, y) => x.UncompressedOffset.CompareTo(y.UncompressedOffset));
        int[] numbers = new int[order.Length];
        for (int i = 0; i < order.Length; i++)
        {
            numbers[order[i]] = i;
            if (i > 0 && chunks[i - 1].UncompressedOffset + chunks[i - 1].UncompressedSize > chunks[i].UncompressedOffset)
                throw image.Invalid("files that overlap in their tar", -1);
        }

        return numbers;
    }
}
