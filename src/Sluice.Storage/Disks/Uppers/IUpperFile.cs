namespace Sluice.Storage.Disks.Uppers;

/// <summary>
/// One file of an upper, as far as an upper uses it: the seam where tests record what reaches the disk and in which order, and
/// inject faults. Errors are values; nothing is durable before <see cref="Sync"/>.
/// </summary>
internal interface IUpperFile : IDisposable
{
    UpperError GetLength(out long length);

    /// <summary>Fills the destination; a file that ends before is <see cref="UpperError.InputOutput"/>.</summary>
    UpperError Read(long offset, Span<byte> destination);

    /// <summary>pwrite(2) of everything; after an error any part may have been written.</summary>
    UpperError Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>fdatasync(2): contents and length.</summary>
    UpperError Sync();

    UpperError SetLength(long length);

    /// <summary>Makes a range zeros and gives up its blocks; zeros alone, or nothing at all, where the file system can't.</summary>
    UpperError Punch(long offset, long length);

    /// <summary>The next run of allocated bytes from an offset on, by SEEK_DATA and SEEK_HOLE; empty (start = end) if there is none.</summary>
    UpperError FindData(long from, out long start, out long end);
}
