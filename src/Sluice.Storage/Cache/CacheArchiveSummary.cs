namespace Sluice.Storage.Cache;

/// <summary>What went into an archive of the cache, or came out of one.</summary>
/// <param name="Chunks">Chunks written to the archive, or stored.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Refused">Chunks of the archive that are wrong, that nothing could vouch for, or that the cache had no room for.</param>
public readonly record struct CacheArchiveSummary(int Blobs, long Chunks, long Bytes, long Refused);
