namespace Sluice.Storage.Cache;

/// <summary>What a look at everything stored has found.</summary>
/// <param name="Chunks">Chunks that were read from the disk and checked.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Wrong">Those of them that were wrong, or could not be read: dropped.</param>
/// <param name="Unopened">Blobs of which nobody knows where their chunks lie, as no image that is here lists them or its table of chunks can't be had. They are checked when they are read.</param>
public readonly record struct CacheVerification(long Chunks, long Bytes, long Wrong, int Unopened);
