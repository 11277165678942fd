using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <summary>What a cache has of a blob, at one moment.</summary>
/// <param name="Bytes">Bytes of the disk.</param>
/// <param name="StoredChunks">Chunks that are there; 0 of a blob that is not open.</param>
/// <param name="Chunks">Chunks that the open images know; 0 of a blob that is not open.</param>
/// <param name="IsOpen">An image that is mounted uses it.</param>
/// <param name="IsHeld">It is complete, and the kernel reads it by itself.</param>
public readonly record struct CachedBlob(Digest Blob, long Bytes, long StoredChunks, long Chunks, bool IsOpen, bool IsPinned, bool IsHeld);
