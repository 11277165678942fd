using Microsoft.Win32.SafeHandles;
using Sluice.Storage.Disks;

namespace Sluice.Node.Succession;

/// <summary>
/// A disk of an image that a predecessor has mounted: served at once, opened by the first read. Taking a node over then takes no longer for
/// many images than for one.
/// </summary>
internal sealed class LateDisk(string name, long length, LateImage image) : IDisk
{
    private readonly Lock _gate = new();
    private volatile IDisk? _disk;
    private bool _disposed;

    public string Name => name;

    public long Length => length;

    public SafeFileHandle? CompleteFile => _disk?.CompleteFile;

    public IReadOnlyList<SafeFileHandle>? CompleteFiles => _disk?.CompleteFiles;

    public bool IsLocal => _disk is { IsLocal: true };

    public DiskFill Fill => _disk?.Fill ?? new(0, length);

    public bool TryRead(long offset, Span<byte> destination) => _disk is { } disk && disk.TryRead(offset, destination);

    public ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination) => _disk is { } disk ? disk.ReadAsync(offset, destination) : OpenAndReadAsync(offset, destination);

    /// <summary>The disk is open; it is this one's to dispose.</summary>
    public void Opened(IDisk disk)
    {
        lock (_gate)
        {
            if (_disposed) disk.Dispose();
            else _disk = disk;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _disk?.Dispose();
        }
    }

    private async ValueTask<DiskError> OpenAndReadAsync(long offset, Memory<byte> destination)
    {
        if (!await image.TryOpenAsync()) return DiskError.InputOutput;
        return _disk is { } disk ? await disk.ReadAsync(offset, destination) : DiskError.InputOutput;
    }
}
