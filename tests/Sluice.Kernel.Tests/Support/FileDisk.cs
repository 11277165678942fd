using Microsoft.Win32.SafeHandles;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Tests.Support;

/// <summary>A disk over a plain file, rounded up to whole pages. Local, or always fetched, or in passthrough.</summary>
internal sealed class FileDisk(string name, string path, bool local = true, bool complete = false) : IDisk
{
    private readonly SafeFileHandle _file = File.OpenHandle(path);

    public string Name { get; } = name;

    public long Length => (RandomAccess.GetLength(_file) + 4095) / 4096 * 4096;

    public SafeFileHandle? CompleteFile => complete ? _file : null;

    public bool TryRead(long offset, Span<byte> destination)
    {
        if (!local) return false;
        Read(offset, destination);
        return true;
    }

    public async ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination)
    {
        await Task.Yield();
        Read(offset, destination.Span);
        return DiskError.None;
    }

    public void Dispose() => _file.Dispose();

    private void Read(long offset, Span<byte> destination)
    {
        int count = RandomAccess.Read(_file, destination, offset);
        destination[count..].Clear();
    }
}
