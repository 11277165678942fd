namespace Sluice.Formats.Rafs.Blobs;

public sealed partial class ChunkDecoder
{
    /// <param name="unit">0 to <see cref="UnitCount"/> - 1.</param>
    public ChunkUnit GetUnit(int unit)
    {
        int first = _unitStarts is null ? unit : _unitStarts[unit];
        int end = _unitStarts is null ? unit + 1 : _unitStarts[unit + 1];
        ref readonly ChunkInfo info = ref _chunks[first];
        ref readonly ChunkInfo last = ref _chunks[end - 1];
        (long offset, int length) = GetCompressedRange(first);
        return new ChunkUnit
        {
            Index = unit,
            FirstChunk = first,
            ChunkCount = end - first,
            CompressedOffset = offset,
            CompressedLength = length,
            UncompressedOffset = info.UncompressedOffset,
            UncompressedLength = (int)(last.UncompressedOffset + last.UncompressedSize - info.UncompressedOffset),
        };
    }

    /// <summary>Number of the unit that <paramref name="chunk"/> belongs to.</summary>
    public int GetUnitOf(int chunk)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)chunk, (uint)_chunks.Length, nameof(chunk));
        if (_unitStarts is null) return chunk;
        int index = _unitStarts.AsSpan(0, UnitCount).BinarySearch(chunk);
        return index >= 0 ? index : ~index - 1;
    }

    private int[] FindUnits()
    {
        var starts = new List<int>();
        long unitOffset = 0;
        for (int i = 0; i < _chunks.Length; i++)
        {
            if (i > 0 && Joins(_chunks[i - 1], _chunks[i], unitOffset)) continue;
            starts.Add(i);
            unitOffset = _chunks[i].UncompressedOffset;
        }

        starts.Add(_chunks.Length);
        return [.. starts];
    }

    /// <summary>
    /// Members of one batch or context that do not follow each other in blob space (no known builder makes such) get units of
    /// their own over the same compressed bytes, so that a unit never covers foreign blob space. Gaps are those of alignment,
    /// and now and then a few blocks that nydus 2.2 left unused.
    /// </summary>
    private static bool Joins(in ChunkInfo previous, in ChunkInfo chunk, long unitOffset)
    {
        const ChunkFlags Shared = ChunkFlags.Batch | ChunkFlags.Zran;
        if ((chunk.Flags & Shared) == ChunkFlags.None || (chunk.Flags & Shared) != (previous.Flags & Shared)) return false;
        if (chunk.UncompressedSize == 0 || previous.UncompressedSize == 0 || ContextOf(chunk) != ContextOf(previous)) return false;
        if (chunk.Flags.Has(ChunkFlags.Batch) && chunk.CompressedOffset != previous.CompressedOffset) return false;
        return chunk.UncompressedOffset - (previous.UncompressedOffset + previous.UncompressedSize) < RafsBlobLimits.MaxUnitGap &&
               chunk.UncompressedOffset + chunk.UncompressedSize - unitOffset <= RafsBlobLimits.MaxUnitSize;
    }
}
