using Microsoft.Win32.SafeHandles;
using Sluice.Storage.Disks;

namespace Sluice.Storage.Tests.Disks;

/// <summary>A disk of bytes in memory, of which some have to be fetched.</summary>
internal sealed class MemoryDisk(byte[] bytes) : IDisk
{
    public Func<long, bool> IsLocal { get; set; } = _ => true;

    public DiskError FetchError { get; set; }

    public string Name => "memory";

    public long Length => bytes.Length;

    public SafeFileHandle? CompleteFile => null;

    public bool TryRead(long offset, Span<byte> destination)
    {
        if (!IsLocal(offset)) return false;
        bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);
        return true;
    }

    public async ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination)
    {
        await Task.Yield();
        if (FetchError == DiskError.None) bytes.AsMemory((int)offset, destination.Length).CopyTo(destination);
        return FetchError;
    }

    public void Dispose()
    {
    }
}
