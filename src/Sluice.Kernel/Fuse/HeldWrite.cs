namespace Sluice.Kernel.Fuse;

/// <summary>A WRITE or FALLOCATE that may have to wait for a flush: kept for a thread that may wait.</summary>
/// <param name="Unique">Names the request.</param>
/// <param name="Data">Native memory with what is to be written, owned; null for a discard.</param>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes.</param>
internal readonly unsafe record struct HeldWrite(ulong Unique, nint Data, long Offset, long Length)
{
    public bool IsDiscard => Data == 0;

    public ReadOnlySpan<byte> Bytes => new((void*)Data, (int)Length);
}
