using Microsoft.Win32.SafeHandles;

namespace Sluice.Storage.Disks;

/// <summary>
/// A virtual byte range that the kernel reads: one blob space (a device of a RAFS image), a flat RAFS disk, later a
/// block image. Read-only. All members may be called concurrently. Bytes that leave a disk have been verified.
/// </summary>
public interface IDisk : IDisposable
{
    /// <summary>Stable name, unique on the node; the file name on the disk server. 1..255 bytes without slash.</summary>
    string Name { get; }

    /// <summary>Size in bytes, a multiple of 4096. Reads past it are an error of the caller.</summary>
    long Length { get; }

    /// <summary>
    /// Fills <paramref name="destination"/> if every byte is local. Never waits for the network, allocates nothing.
    /// Returns false, with nothing promised about <paramref name="destination"/>, if a byte has to be fetched.
    /// </summary>
    bool TryRead(long offset, Span<byte> destination);

    /// <summary>
    /// Fills <paramref name="destination"/>, fetching what is missing. Completes with <see cref="DiskError.None"/> or with
    /// the errno for the kernel; never faults and never takes longer than the disk's deadline. An unmanaged destination
    /// stays valid until completion.
    /// </summary>
    ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination);

    /// <summary>
    /// A file whose bytes are exactly this disk, once every byte is local and verified (for FUSE passthrough);
    /// null until then. The disk owns the handle.
    /// </summary>
    SafeFileHandle? CompleteFile { get; }

    /// <summary>
    /// The files that a file system can be mounted on in place of this disk, once every byte is local and verified; null until then, and for disks
    /// for which there are none. The disk owns the handles.
    /// </summary>
    IReadOnlyList<SafeFileHandle>? CompleteFiles => CompleteFile is { } file ? [file] : null;

    /// <summary>
    /// True if no read has to wait for a source, unless what is stored turns out to be damaged. May look at every chunk: to be asked when the
    /// disk is mounted, not when it is read.
    /// </summary>
    bool IsLocal => CompleteFile is not null;

    /// <summary>How much is here. Looks at every chunk: for people, now and then.</summary>
    DiskFill Fill => IsLocal ? new(Length, Length) : new(0, Length);
}

/// <summary>Outcome of an operation on a disk. The numbers are errno values.</summary>
public enum DiskError
{
    None = 0,

    /// <summary>EIO: every source failed or delivered wrong bytes. The log names them.</summary>
    InputOutput = 5,

    /// <summary>ETIMEDOUT is not used: a passed deadline is EIO to the kernel, too; the log tells them apart.</summary>
    Invalid = 22,

    /// <summary>ENOSPC: the local disk, or the quota of an upper, is full. Writes only.</summary>
    NoSpace = 28,

    /// <summary>EROFS: the disk takes no writes (any more).</summary>
    ReadOnly = 30,
}
