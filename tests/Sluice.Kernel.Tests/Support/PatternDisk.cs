using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Tests.Support;

/// <summary>A disk whose bytes follow from its seed; what happens on a read is up to the test.</summary>
internal sealed class PatternDisk(string name, long length, ulong seed) : IDisk
{
    private int _misses;

    public string Name { get; } = name;

    public long Length { get; } = length;

    /// <summary>Whether reads are answered at once.</summary>
    public Func<long, bool> IsLocal { get; set; } = _ => true;

    /// <summary>What a fetch waits for and ends with.</summary>
    public Func<long, ValueTask<DiskError>> Fetch { get; set; } = _ => ValueTask.FromResult(DiskError.None);

    public int Misses => _misses;

    public SafeFileHandle? CompleteFile { get; set; }

    public bool Disposed { get; private set; }

    public bool TryRead(long offset, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(Disposed, this);
        if (!IsLocal(offset)) return false;
        Fill(offset, destination);
        return true;
    }

    public async ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination)
    {
        Interlocked.Increment(ref _misses);
        DiskError error = await Fetch(offset);
        ObjectDisposedException.ThrowIf(Disposed, this);
        if (error == DiskError.None) Fill(offset, destination.Span);
        return error;
    }

    public void Dispose() => Disposed = true;

    public byte[] Expected(long offset, long count)
    {
        byte[] bytes = new byte[count];
        int local = (int)Math.Clamp(Length - offset, 0, count);
        if (local > 0) Fill(offset, bytes.AsSpan(0, local));
        return bytes;
    }

    public string Sha256() => Convert.ToHexStringLower(SHA256.HashData(Expected(0, Length)));

    public void WriteTo(string path) => File.WriteAllBytes(path, Expected(0, Length));

    private void Fill(long offset, Span<byte> destination)
    {
        if (offset < 0 || destination.IsEmpty || offset + destination.Length > Length) throw new ArgumentOutOfRangeException(nameof(offset));
        Span<byte> word = stackalloc byte[8];
        while (!destination.IsEmpty)
        {
            ulong x = (ulong)(offset / 8) * 0x9E3779B97F4A7C15 ^ seed;
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
            x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
            BinaryPrimitives.WriteUInt64LittleEndian(word, x ^ (x >> 31));
            int skip = (int)(offset % 8);
            int count = Math.Min(8 - skip, destination.Length);
            word.Slice(skip, count).CopyTo(destination);
            destination = destination[count..];
            offset += count;
        }
    }
}
