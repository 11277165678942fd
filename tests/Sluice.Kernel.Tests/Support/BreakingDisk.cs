using Microsoft.Win32.SafeHandles;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Tests.Support;

/// <summary>A disk whose fetches fail while <see cref="Broken"/>.</summary>
internal sealed class BreakingDisk(IDisk inner) : IDisk
{
    public bool Broken { get; set; }

    public string Name => inner.Name;

    public long Length => inner.Length;

    public SafeFileHandle? CompleteFile => null;

    public bool TryRead(long offset, Span<byte> destination) => false;

    public ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination) =>
        Broken ? ValueTask.FromResult(DiskError.InputOutput) : inner.ReadAsync(offset, destination);

    public void Dispose() => inner.Dispose();
}
