namespace Sluice.Storage.Cache;

/// <summary>Where a chunk lies in the blob space, in bytes, and its number in the blob.</summary>
public readonly record struct ChunkExtent(long Offset, int Length, int Number)
{
    public long End => Offset + Length;
}
