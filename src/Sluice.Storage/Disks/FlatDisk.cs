using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Storage.Fetching;

namespace Sluice.Storage.Disks;

/// <summary>
/// A whole RAFS image as one disk, for kernels whose EROFS takes no second file: the bootstrap from 0, every blob space where
/// the bootstrap's device table maps it, zeros between. Owns the bootstrap file and the readers.
/// </summary>
public sealed class FlatDisk : IDisk
{
    private readonly SafeFileHandle _bootstrap;
    private readonly long _bootstrapLength;
    private readonly Extent[] _extents;
    private readonly BlobReader[] _blobs;

    /// <param name="bootstrap">The bootstrap as a local file that does not change; owned by the disk.</param>
    /// <param name="blobs">Readers with the byte offset of their blob space on the disk, in the order of the device table.</param>
    /// <exception cref="InvalidFormatException">Blob spaces overlap each other or the bootstrap.</exception>
    public FlatDisk(string name, SafeFileHandle bootstrap, IReadOnlyCollection<(long Offset, BlobReader Reader)> blobs)
    {
        Name = name;
        _bootstrap = bootstrap;
        _bootstrapLength = RandomAccess.GetLength(bootstrap);
        _blobs = [.. blobs.Select(blob => blob.Reader)];
        _extents = [.. blobs.OrderBy(blob => blob.Offset).Select(blob => new Extent(blob.Offset, blob.Offset + blob.Reader.Cache.PaddedLength, blob.Reader))];
        long end = _bootstrapLength;
        foreach (Extent extent in _extents)
        {
            if (extent.Start < end) throw new InvalidFormatException("rafs", $"blob {extent.Reader.Format.Blob} is mapped over something else on the flat disk", extent.Start);
            end = extent.End;
        }

        Length = (end + 4095) & ~4095L;
    }

    public string Name { get; }

    public long Length { get; }

    /// <summary>Always null: no file is laid out like this disk.</summary>
    public SafeFileHandle? CompleteFile => null;

    /// <summary>The blobs, in the order of the device table: devices for a mount on the bootstrap itself.</summary>
    public IReadOnlyList<SafeFileHandle>? CompleteFiles
    {
        get
        {
            List<SafeFileHandle> files = [];
            foreach (BlobReader blob in _blobs)
            {
                if (blob.CompleteFile is not { } file) return null;
                files.Add(file);
            }

            return files;
        }
    }

    public bool IsLocal => Array.TrueForAll(_extents, extent => extent.Reader.Holds(0, extent.End - extent.Start));

    public DiskFill Fill => _extents.Aggregate(default(DiskFill), (fill, extent) => fill + extent.Reader.Fill(0, extent.End - extent.Start));

    public bool TryRead(long offset, Span<byte> destination)
    {
        if (!DiskRange.Contains(this, offset, destination.Length)) return false;
        long end = offset + destination.Length;
        int index = FindExtent(offset);
        if (index < _extents.Length && _extents[index].Start <= offset && end <= _extents[index].End)
            return _extents[index].Reader.TryRead(offset - _extents[index].Start, destination);
        if (!FillLocal(offset, destination)) return false;
        for (; index < _extents.Length && _extents[index].Start < end; index++)
        {
            Part part = _extents[index].Intersect(offset, end);
            if (!_extents[index].Reader.TryRead(part.BlobOffset, destination.Slice(part.Position, part.Length))) return false;
        }

        return true;
    }

    public ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination)
    {
        if (!DiskRange.Contains(this, offset, destination.Length)) return ValueTask.FromResult(DiskError.Invalid);
        if (!FillLocal(offset, destination.Span)) return ValueTask.FromResult(DiskError.InputOutput);
        ValueTask<DiskError> read = ReadBlobsAsync(offset, destination);
        return _extents is [{ } any, ..] ? any.Reader.Activity.WatchAsync(this, offset, destination.Length, read) : read;
    }

    public void Dispose()
    {
        foreach (Extent extent in _extents) extent.Reader.Dispose();
        _bootstrap.Dispose();
    }

    private async ValueTask<DiskError> ReadBlobsAsync(long offset, Memory<byte> destination)
    {
        long end = offset + destination.Length;
        for (int index = FindExtent(offset); index < _extents.Length && _extents[index].Start < end; index++)
        {
            // One after the other: a range over two blobs is the kernel reading ahead over a gap, if it happens at all.
            Part part = _extents[index].Intersect(offset, end);
            DiskError error = await _extents[index].Reader.ReadAsync(part.BlobOffset, destination.Slice(part.Position, part.Length));
            if (error != DiskError.None) return error;
        }

        return DiskError.None;
    }

    /// <summary>Fills in the bootstrap and zeros; false if the bootstrap can't be read.</summary>
    private bool FillLocal(long offset, Span<byte> destination)
    {
        int done = 0;
        try
        {
            int wanted = (int)Math.Clamp(_bootstrapLength - offset, 0, destination.Length);
            while (done < wanted)
            {
                int read = RandomAccess.Read(_bootstrap, destination[done..wanted], offset + done);
                if (read == 0) return false;
                done += read;
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return false;
        }

        destination[done..].Clear();
        return true;
    }

    /// <summary>The first extent that ends behind <paramref name="offset"/>.</summary>
    private int FindExtent(long offset)
    {
        (int low, int high) = (0, _extents.Length);
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_extents[middle].End <= offset) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private readonly record struct Part(long BlobOffset, int Position, int Length);

    private readonly record struct Extent(long Start, long End, BlobReader Reader)
    {
        public Part Intersect(long offset, long end)
        {
            long from = Math.Max(Start, offset);
            return new Part(from - Start, (int)(from - offset), (int)(Math.Min(End, end) - from));
        }
    }
}
