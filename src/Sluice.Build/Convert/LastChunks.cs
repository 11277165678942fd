using Sluice.Formats.Hashing;
using Sluice.Formats.Trees;

namespace Sluice.Build.Convert;

/// <summary>
/// The chunks of a layer that come last in its blob, in the order of a start. Which number they get is known only when all others have theirs; until then files refer to them by numbers below 0.
/// </summary>
/// <param name="blob">The layer's.</param>
internal sealed class LastChunks(int blob)
{
    private readonly List<(int Rank, ChunkDigest Digest)> _chunks = [];
    private readonly List<ChunkReference[]> _files = [];

    public int Count => _chunks.Count;

    /// <summary>Uncompressed.</summary>
    public long Bytes { get; private set; }

    /// <returns>What stands for it until <see cref="Place"/>.</returns>
    public ChunkReference Add(ChunkDigest digest, int rank, int length)
    {
        Bytes += length;
        _chunks.Add((rank, digest));
        return new ChunkReference(blob, -_chunks.Count);
    }

    /// <summary>Chunks of a file, which are corrected later if need be.</summary>
    public void Watch(ChunkReference[] file)
    {
        if (file.Any(IsUnplaced)) _files.Add(file);
    }

    /// <summary>Gives all their numbers: by rank, equal ones as they came.</summary>
    /// <param name="first">The lowest.</param>
    public void Place(int first, ImageBlobs blobs)
    {
        int[] order = [.. Enumerable.Range(0, _chunks.Count).OrderBy(index => _chunks[index].Rank)];
        int[] numbers = new int[order.Length];
        for (int position = 0; position < order.Length; position++) numbers[order[position]] = first + position;
        foreach (ChunkReference[] file in _files)
        {
            for (int i = 0; i < file.Length; i++)
            {
                if (IsUnplaced(file[i])) file[i] = new ChunkReference(blob, numbers[-file[i].Chunk - 1]);
            }
        }

        for (int index = 0; index < numbers.Length; index++) blobs.Move(_chunks[index].Digest, new ChunkReference(blob, numbers[index]));
    }

    private bool IsUnplaced(ChunkReference chunk) => chunk.Blob == blob && chunk.Chunk < 0;
}
