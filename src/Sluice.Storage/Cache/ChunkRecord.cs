using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Sluice.Formats.Hashing;

namespace Sluice.Storage.Cache;

/// <summary>
/// What the chunk map keeps of a stored chunk, so that a later process can tell whether its bytes are intact, and whether they are those that an
/// image means. Little-endian, 16 bytes.
/// <code>
///  0 11  first bytes of the chunk's identity (<see cref="IBlobFormat.GetIdentity"/>)
/// 11  1  flags: 1 = the chunk is stored
/// 12  4  CRC-32C of its bytes, begun with its number
/// </code>
/// The checksum finds what rotted; that it is not cryptographic does not matter, since only this node's administrator can write here. The identity keeps an
/// image that lies about a chunk from leaving bytes for another one: 88 bits of a digest are more than anybody can forge.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct ChunkRecord
{
    public const int Size = 16;

    private const uint StoredFlag = 1u << 24;
    private const uint IdentityMask = (1u << 24) - 1;

    private readonly ulong _identity;
    private readonly uint _identityAndFlags;
    private readonly uint _sum;

    private ChunkRecord(ulong identity, uint identityAndFlags, uint sum) => (_identity, _identityAndFlags, _sum) = (identity, identityAndFlags, sum);

    public bool IsStored => (_identityAndFlags & StoredFlag) != 0;

    public static ChunkRecord Of(int number, in ChunkDigest identity, ReadOnlySpan<byte> content)
    {
        (ulong first, uint second) = Split(identity);
        return new ChunkRecord(first, second | StoredFlag, Crc32C.Compute(content, (uint)number));
    }

    /// <summary>True if it speaks of a chunk with this identity, whatever its bytes are now.</summary>
    public bool IsOf(in ChunkDigest identity)
    {
        (ulong first, uint second) = Split(identity);
        return _identity == first && _identityAndFlags == (second | StoredFlag);
    }

    public static ChunkRecord Read(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(source), BinaryPrimitives.ReadUInt32LittleEndian(source[8..]), BinaryPrimitives.ReadUInt32LittleEndian(source[12..]));

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, _identity);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], _identityAndFlags);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], _sum);
    }

    private static (ulong First, uint Second) Split(in ChunkDigest identity)
    {
        Span<byte> bytes = stackalloc byte[ChunkDigest.Size];
        identity.CopyTo(bytes);
        return (BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) & IdentityMask);
    }
}
