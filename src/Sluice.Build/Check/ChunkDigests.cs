using Sluice.Formats;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Formats.Trees;

namespace Sluice.Build.Check;

/// <summary>
/// Cuts contents into chunks and keeps the digests, nothing else. References count from 0 in blob 0.
/// </summary>
internal sealed class ChunkDigests(int chunkSize, DigestAlgorithm algorithm)
{
    private readonly List<ChunkDigest> _digests = [];
    private readonly List<ChunkReference> _file = [];
    private readonly byte[] _chunk = new byte[chunkSize];
    private int _filled;
    private int _references;
    private ChunkReference? _zeros;

    public int ChunkSize => chunkSize;

    public ChunkDigest this[ChunkReference reference] => _digests[reference.Chunk];

    /// <summary>More content of the current file.</summary>
    public void Append(ReadOnlySpan<byte> content)
    {
        while (!content.IsEmpty)
        {
            int length = Math.Min(content.Length, chunkSize - _filled);
            content[..length].CopyTo(_chunk.AsSpan(_filled));
            _filled += length;
            content = content[length..];
            if (_filled == chunkSize) EndChunk();
        }
    }

    /// <summary>A whole chunk of zeros, at a chunk boundary: costs one digest for all of them.</summary>
    public void AppendZeroChunk()
    {
        if (_zeros is null)
        {
            _digests.Add(ChunkDigest.Compute(algorithm, new byte[chunkSize]));
            _zeros = new ChunkReference(0, _digests.Count - 1);
        }

        _file.Add(_zeros.Value);
        CheckCount();
    }

    /// <summary>The chunks of the file that ends here.</summary>
    public ChunkReference[] EndFile()
    {
        if (_filled > 0) EndChunk();
        ChunkReference[] chunks = [.. _file];
        _file.Clear();
        return chunks;
    }

    private void EndChunk()
    {
        _digests.Add(ChunkDigest.Compute(algorithm, _chunk.AsSpan(0, _filled)));
        _file.Add(new ChunkReference(0, _digests.Count - 1));
        _filled = 0;
        CheckCount();
    }

    private void CheckCount()
    {
        if (++_references >= RafsBlobLimits.MaxChunks) throw new InvalidFormatException("layer", $"the image has more than {RafsBlobLimits.MaxChunks} chunks of {chunkSize} bytes");
    }
}
