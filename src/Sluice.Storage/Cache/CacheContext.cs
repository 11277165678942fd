namespace Sluice.Storage.Cache;

/// <summary>What the blobs of a cache share.</summary>
internal sealed record CacheContext(CacheOptions Options, CacheSpace Space, EqualChunks Equal, CacheTotals Totals)
{
    /// <summary>False once a file system has refused to share blocks: copies are made from then on.</summary>
    public bool MayShareBlocks { get; set; } = true;

    /// <summary>It was said that the cache is at its limit.</summary>
    public bool LimitIsKnown { get; set; }
}
