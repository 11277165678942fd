using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Sluice.Formats;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <summary>
/// A blob as an archive lists it: enough to check and store its chunks before any image that uses it is here. An image that is opened later believes of these only the chunks that have
/// the digests it wants (<see cref="ChunkRecord"/>).
/// <code>
///  0  8  bytes of the blob space
///  8  4  chunk numbers
/// 12  4  1 = chunks have digests
/// 16 48n chunks: number (4), length (4), offset (8), identity (32)
/// </code>
/// </summary>
internal sealed class ArchivedBlob : IBlobFormat
{
    private const int Header = 16;
    private const int EntrySize = 48;
    private const int MaxChunks = 1 << 24;

    private readonly ChunkIdentity[] _chunks;

    private ArchivedBlob(Digest blob, long length, int numberCount, bool hasContentDigests, ChunkIdentity[] chunks) =>
        (Blob, Length, NumberCount, HasContentDigests, _chunks) = (blob, length, numberCount, hasContentDigests, chunks);

    public Digest Blob { get; }

    public long Length { get; }

    public int NumberCount { get; }

    public int Count => _chunks.Length;

    public int UnitCount => 0;

    public bool HasContentDigests { get; }

    public static byte[] Write(long length, int numberCount, bool hasContentDigests, ReadOnlySpan<ChunkIdentity> chunks)
    {
        byte[] bytes = new byte[Header + (EntrySize * chunks.Length)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), numberCount);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), hasContentDigests ? 1 : 0);
        MemoryMarshal.AsBytes(chunks).CopyTo(bytes.AsSpan(Header));
        return bytes;
    }

    /// <exception cref="InvalidFormatException">That is no list of chunks; whether they make sense shows when the blob is opened.</exception>
    public static ArchivedBlob Read(Digest blob, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Header || (bytes.Length - Header) % EntrySize != 0) throw new InvalidFormatException("cache archive", $"blob {blob}: a list of {bytes.Length} bytes");
        int numbers = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        if (numbers is < 0 or > MaxChunks) throw new InvalidFormatException("cache archive", $"blob {blob}: {numbers} chunks");
        return new ArchivedBlob(
            blob, BinaryPrimitives.ReadInt64LittleEndian(bytes), numbers, BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]) == 1, MemoryMarshal.Cast<byte, ChunkIdentity>(bytes[Header..]).ToArray());
    }

    /// <summary>The slot of a chunk number, or a negative number.</summary>
    public int SlotOf(int number) => ChunkIdentities.Find(_chunks, number);

    public int Find(long offset)
    {
        int slot = 0;
        while (slot < _chunks.Length && _chunks[slot].Extent.End <= offset) slot++;
        return slot;
    }

    public ChunkExtent GetExtent(int slot) => _chunks[slot].Extent;

    public ChunkDigest GetIdentity(int slot) => _chunks[slot].Digest;

    public bool Verify(int slot, ReadOnlySpan<byte> chunk) =>
        !HasContentDigests || ChunkDigest.Compute(DigestAlgorithm.Blake3, chunk) == _chunks[slot].Digest || ChunkDigest.Compute(DigestAlgorithm.Sha256, chunk) == _chunks[slot].Digest;

    public int GetUnitOf(int slot) => throw NothingToFetch();

    public FetchUnit GetUnit(int unit) => throw NothingToFetch();

    public UnitMember GetMember(int unit, int index) => throw NothingToFetch();

    public bool Decode(int unit, ReadOnlySpan<byte> compressed, Span<byte> decoded) => throw NothingToFetch();

    private static InvalidOperationException NothingToFetch() => new("an archive has no sources");
}
