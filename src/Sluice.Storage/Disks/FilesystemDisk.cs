using Microsoft.Win32.SafeHandles;
using Sluice.Storage.Fetching;

namespace Sluice.Storage.Disks;

/// <summary>
/// One device of a RAFS image on kernels that take several (EROFS <c>device=</c>, 6.12 and later): the blob space of one blob,
/// zeros between chunks and up to the next 4096. Owns its reader.
/// </summary>
public sealed class FilesystemDisk : IDisk
{
    private readonly BlobReader _reader;

    /// <param name="name">Unique on the node, e.g. the blob's hex digits, with a suffix where images don't share the disk.</param>
    public FilesystemDisk(string name, BlobReader reader) => (Name, _reader) = (name, reader);

    public string Name { get; }

    public long Length => _reader.Cache.PaddedLength;

    public SafeFileHandle? CompleteFile => _reader.CompleteFile;

    public bool IsLocal => _reader.Holds(0, Length);

    public DiskFill Fill => _reader.Fill(0, Length);

    /// <summary>For prefetching.</summary>
    public BlobReader Reader => _reader;

    public bool TryRead(long offset, Span<byte> destination) =>
        DiskRange.Contains(this, offset, destination.Length) && _reader.TryRead(offset, destination);

    public ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination) =>
        DiskRange.Contains(this, offset, destination.Length) ? _reader.Activity.WatchAsync(this, offset, destination.Length, _reader.ReadAsync(offset, destination)) : ValueTask.FromResult(DiskError.Invalid);

    public void Dispose() => _reader.Dispose();
}
