using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Formats.Erofs;

/// <summary>
/// The bytes of an EROFS image with bounds-checked access and a budget: an honest image never uses a byte twice, so what its
/// inodes claim together cannot exceed its length. That keeps reading linear, whatever a hostile image overlaps.
/// </summary>
internal sealed class ErofsImage(ReadOnlyMemory<byte> bytes, string format)
{
    private long _claimed;

    public long Length => bytes.Length;

    public int BlockSize { get; init; }

    /// <summary>Byte offset of nid 0.</summary>
    public long MetaOffset { get; init; }

    public T Read<T>(long offset, string what)
        where T : unmanaged => MemoryMarshal.Read<T>(Slice(offset, Unsafe.SizeOf<T>(), what));

    public ReadOnlySpan<byte> Slice(long offset, long size, string what)
    {
        if (offset < 0 || size < 0 || offset > bytes.Length || size > bytes.Length - offset)
            throw Invalid($"{what} lies outside of the image", offset);
        return bytes.Span.Slice((int)offset, (int)size);
    }

    /// <summary>As <see cref="Slice"/>, for bytes that belong to one owner only.</summary>
    public ReadOnlySpan<byte> Claim(long offset, long size, string what)
    {
        ReadOnlySpan<byte> slice = Slice(offset, size, what);
        _claimed += size;
        if (_claimed > bytes.Length) throw Invalid("inodes overlap", offset);
        return slice;
    }

    public InvalidFormatException Invalid(string message, long offset) => new(format, message, offset);
}
