namespace Sluice.Storage.Disks;

/// <summary>
/// A disk that also takes writes. Offsets and lengths are whole sectors of 512 bytes within <see cref="IDisk.Length"/>, anything else is
/// <see cref="DiskError.Invalid"/>. Errors are values; after one, any part of the range may have changed. All members may be called concurrently.
/// </summary>
public interface IWritableDisk : IDisk
{
    /// <summary>Takes sectors: reads see them at once, and they are durable when a later <see cref="Flush"/> has succeeded. Waits for no source.</summary>
    DiskError Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>Makes sectors zero and gives up their space where it can.</summary>
    DiskError Discard(long offset, long length);

    /// <summary>True when much has been written since the last flush: one soon, from another thread, keeps writes from waiting for it later.</summary>
    bool WantsFlush { get; }

    /// <summary>
    /// True if a write or discard of so many bytes may have to wait for a flush first: then it is not for threads that serve reads, or other disks.
    /// It may be true without need.
    /// </summary>
    bool MayWait(long length);

    /// <summary>Makes durable everything that was written or discarded before the call. Waits for the local disk: not for threads that serve reads.</summary>
    DiskError Flush();
}
