using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;

namespace Sluice.Build.Convert;

/// <summary>
/// The blobs of an image under construction, one for each layer, and where each distinct chunk is. A chunk belongs to the first
/// layer that has it; trees refer to blobs by layer number until <see cref="ToImage"/> leaves out the blobs that nothing uses.
/// </summary>
internal sealed class ImageBlobs(ConvertOptions options)
{
    private readonly List<RafsBlob?> _blobs = [];
    private readonly List<ChunkInfo[]> _chunks = [];
    private readonly Dictionary<ChunkDigest, ChunkReference> _known = [];

    /// <summary>The number that the next layer's blob will have.</summary>
    public int Next => _blobs.Count;

    public IReadOnlyList<RafsBlob?> Blobs => _blobs;

    public bool TryFind(ChunkDigest digest, out ChunkReference chunk) => _known.TryGetValue(digest, out chunk);

    public void Remember(ChunkDigest digest, ChunkReference chunk) => _known.TryAdd(digest, chunk);

    /// <summary>A known chunk has another place.</summary>
    public void Move(ChunkDigest digest, ChunkReference chunk) => _known[digest] = chunk;

    /// <summary>Adds the blob of a finished layer; null if the layer has no chunks of its own.</summary>
    public void Add(RafsBlob? blob, ChunkInfo[] chunks)
    {
        _blobs.Add(blob);
        _chunks.Add(chunks);
    }

    /// <summary>An image of <paramref name="root"/> (which stays as it is) with the blobs that it uses, in layer order.</summary>
    /// <param name="prefetch">Paths for the prefetch table; what is not there is left out.</param>
    /// <param name="unfinished">The blob of the layer that is being written, for its own bootstrap.</param>
    public RafsImage ToImage(Inode root, (RafsBlob Blob, ChunkInfo[] Chunks)? unfinished = null, IEnumerable<FileName>? prefetch = null)
    {
        var used = new SortedSet<int>();
        if (unfinished is { Chunks.Length: > 0 }) used.Add(Next); // also if the layer itself has replaced all files that had them
        foreach (Inode inode in TreeWalk.Inodes(root))
        {
            foreach (ChunkReference chunk in inode.Chunks) used.Add(chunk.Blob);
        }

        var numbers = new Dictionary<int, int>();
        foreach (int blob in used) numbers[blob] = numbers.Count;
        Inode copy = TreeCopy.Map(root, chunk => chunk with { Blob = numbers[chunk.Blob] });
        return new RafsImage
        {
            ChunkSize = options.ChunkSize,
            Compressor = options.Compressor,
            Digester = options.Digester,
            Root = copy,
            Prefetch = prefetch is null ? [] : [.. prefetch.Select(path => TreeWalk.Find(copy, path)).OfType<Inode>().Distinct()],
            Blobs = [.. used.Select(blob => blob == Next ? unfinished!.Value.Blob : _blobs[blob]!)],
            Chunks = [.. used.Select(blob => blob == Next ? unfinished!.Value.Chunks : _chunks[blob])],
        };
    }
}
