using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Sluice.Formats.Hashing;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.OverlayBd.Index;

/// <summary>
/// A merged index as bytes, so that the next start of an image need not read the index of every layer. A cache of this program's
/// own: no other tool reads it. Little-endian.
/// <code>
///  0   8  magic "SluiceMI"
///  8   4  version, 1
/// 12   4  layers of the stack
/// 16   8  virtual size, bytes
/// 24   8  extents, n
/// 32  32  identity of the stack, chosen by the caller: a digest over those of the layers
/// 64 16n  extents, as in LSMT, with the layer counted from the bottom
///  .  32  BLAKE3 of everything before
/// </code>
/// </summary>
public static class MergedIndexFile
{
    /// <summary>Bytes of the identity of a stack.</summary>
    public const int IdentitySize = 32;

    public const int Version = 1;

    private const string Format = "merged index";
    private const int HeaderSize = 64;
    private const int DigestSize = 32;

    private static ReadOnlySpan<byte> Magic => "SluiceMI"u8;

    /// <summary>Bytes that <see cref="Write"/> needs; below 2 GiB.</summary>
    public static int Length(MergedIndex index) => HeaderSize + (index.Extents.Length * LsmtExtent.Bytes) + DigestSize;

    /// <param name="identity">Tells stacks apart; see <see cref="Read"/>.</param>
    /// <param name="destination">Exactly <see cref="Length"/> bytes.</param>
    public static void Write(MergedIndex index, ReadOnlySpan<byte> identity, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(identity.Length, IdentitySize, nameof(identity));
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, Length(index), nameof(destination));
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteInt32LittleEndian(destination[8..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(destination[12..], index.LayerCount);
        BinaryPrimitives.WriteInt64LittleEndian(destination[16..], index.VirtualSize);
        BinaryPrimitives.WriteInt64LittleEndian(destination[24..], index.Extents.Length);
        identity.CopyTo(destination[32..]);
        MemoryMarshal.AsBytes(index.Extents).CopyTo(destination[HeaderSize..]);
        Blake3.Hash(destination[..^DigestSize], destination[^DigestSize..]);
    }

    /// <param name="data">The whole file.</param>
    /// <param name="identity">The stack that is asked for; what was written for another one is refused.</param>
    /// <exception cref="InvalidFormatException">Damaged, of another version or of another stack: merge the layers' indexes again.</exception>
    public static MergedIndex Read(ReadOnlySpan<byte> data, ReadOnlySpan<byte> identity)
    {
        if (data.Length < HeaderSize + DigestSize || !data.StartsWith(Magic)) throw new InvalidFormatException(Format, "no header", 0);
        if (BinaryPrimitives.ReadInt32LittleEndian(data[8..]) is var version and not Version)
            throw new InvalidFormatException(Format, $"version {version}", 8);
        Span<byte> digest = stackalloc byte[DigestSize];
        Blake3.Hash(data[..^DigestSize], digest);
        if (!digest.SequenceEqual(data[^DigestSize..])) throw new InvalidFormatException(Format, "wrong checksum", data.Length - DigestSize);
        if (!identity.SequenceEqual(data.Slice(32, IdentitySize))) throw new InvalidFormatException(Format, "made for another stack of layers", 32);

        int layers = BinaryPrimitives.ReadInt32LittleEndian(data[12..]);
        if (layers is < 0 or > MergedIndex.MaxLayers) throw new InvalidFormatException(Format, $"{layers} layers", 12);
        long virtualSize = BinaryPrimitives.ReadInt64LittleEndian(data[16..]);
        if (virtualSize < 0) throw new InvalidFormatException(Format, $"virtual size {virtualSize}", 16);
        ReadOnlySpan<byte> entries = data[HeaderSize..^DigestSize];
        long count = BinaryPrimitives.ReadInt64LittleEndian(data[24..]);
        if (count is < 0 or > MergedIndex.MaxExtents || count * LsmtExtent.Bytes != entries.Length)
            throw new InvalidFormatException(Format, $"{count} extents in {entries.Length} bytes", 24);

        return new MergedIndex(ReadExtents(MemoryMarshal.Cast<byte, LsmtExtent>(entries), layers), layers, virtualSize);
    }

    private static ExtentList ReadExtents(ReadOnlySpan<LsmtExtent> extents, int layers)
    {
        long end = 0;
        for (int i = 0; i < extents.Length; i++)
        {
            if (!extents[i].MayFollow(end) || extents[i].Layer >= layers)
                throw new InvalidFormatException(Format, $"extent {i} is out of place", HeaderSize + ((long)i * LsmtExtent.Bytes));
            end = extents[i].End;
        }

        ExtentList list = new();
        list.Append(extents);
        return list;
    }
}
