using Microsoft.Win32.SafeHandles;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Tests.Support;

/// <summary>A writable disk of bytes in memory that counts and fails as a test wants.</summary>
internal sealed class WritableMemoryDisk(string name, int length) : IWritableDisk
{
    private int _flushes;

    public byte[] Bytes { get; } = new byte[length];

    public int Flushes => _flushes;

    public DiskError WriteError { get; set; }

    public DiskError FlushError { get; set; }

    /// <summary>What a flush does before it returns.</summary>
    public Action OnFlush { get; set; } = () => { };

    /// <summary>What a write or a discard does before anything else.</summary>
    public Action OnWrite { get; set; } = () => { };

    /// <summary>Writes and discards wait for this, and say so before.</summary>
    public ManualResetEventSlim? Room { get; set; }

    public string Name { get; } = name;

    public long Length => Bytes.Length;

    public SafeFileHandle? CompleteFile => null;

    public bool WantsFlush { get; set; }

    public bool MayWait(long length) => Room is { IsSet: false };

    public bool TryRead(long offset, Span<byte> destination)
    {
        Bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);
        return true;
    }

    public ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination) => ValueTask.FromResult(TryRead(offset, destination.Span) ? DiskError.None : DiskError.InputOutput);

    public DiskError Write(long offset, ReadOnlySpan<byte> data)
    {
        if (((offset | (long)data.Length) & 511) != 0) return DiskError.Invalid;
        OnWrite();
        Room?.Wait();
        if (WriteError == DiskError.None) data.CopyTo(Bytes.AsSpan((int)offset));
        return WriteError;
    }

    public DiskError Discard(long offset, long count)
    {
        OnWrite();
        Room?.Wait();
        Bytes.AsSpan((int)offset, (int)count).Clear();
        return WriteError;
    }

    public DiskError Flush()
    {
        OnFlush();
        Interlocked.Increment(ref _flushes);
        return FlushError;
    }

    public void Dispose()
    {
    }
}
