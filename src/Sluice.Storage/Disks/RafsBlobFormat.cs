using Sluice.Formats;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Storage.Cache;

namespace Sluice.Storage.Disks;

/// <summary>
/// A RAFS blob as the cache sees it. Slots are the chunks that the image lists and can check; the others are known to the
/// blob but not to this image, and are neither fetched nor shown.
/// </summary>
public sealed class RafsBlobFormat : IBlobFormat
{
    // Chunk numbers have 24 bits.
    private const int MaxNumbers = 1 << 24;

    private readonly ChunkDecoder _decoder;

    /// <summary>Chunk numbers by slot; null where every number is a slot.</summary>
    private readonly int[]? _numbers;

    /// <exception cref="InvalidFormatException">The blob has no digest for a name.</exception>
    public RafsBlobFormat(ChunkDecoder decoder)
    {
        _decoder = decoder;
        Blob = Digest.Parse("sha256:" + decoder.Blob.Id);
        int count = 0;
        for (int number = 0; number < decoder.ChunkCount; number++)
            if (IsKnown(decoder[number])) count++;
        if (count != decoder.ChunkCount) _numbers = ListNumbers(decoder, count);
        Count = count;

        // What the blob table says: the same for all images, however many of the chunks each of them lists.
        NumberCount = Math.Max(decoder.ChunkCount, Math.Min(decoder.Blob.ChunkCount, MaxNumbers));
        Length = Math.Max(decoder.Blob.UncompressedSize, count == 0 ? 0 : EndOf(decoder[NumberOf(count - 1)]));
    }

    public Digest Blob { get; }

    public long Length { get; }

    public int NumberCount { get; }

    public int Count { get; }

    public int UnitCount => _decoder.UnitCount;

    public int Find(long offset) => SlotFrom(_decoder.FindChunk(offset));

    public ChunkExtent GetExtent(int slot)
    {
        int number = NumberOf(slot);
        ref readonly ChunkInfo chunk = ref _decoder[number];
        return new ChunkExtent(chunk.UncompressedOffset, chunk.UncompressedSize, number);
    }

    public ChunkDigest GetIdentity(int slot)
    {
        ref readonly ChunkInfo chunk = ref _decoder[NumberOf(slot)];
        if (chunk.Digest != default) return chunk.Digest;
        Span<byte> crc = stackalloc byte[ChunkDigest.Size];
        crc.Clear();
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(crc, chunk.Crc32);
        return new ChunkDigest(crc);
    }

    public int GetUnitOf(int slot) => _decoder.GetUnitOf(NumberOf(slot));

    public FetchUnit GetUnit(int unit)
    {
        ChunkUnit extent = _decoder.GetUnit(unit);
        int members = SlotFrom(extent.EndChunk) - SlotFrom(extent.FirstChunk);
        return new FetchUnit(extent.CompressedOffset, extent.CompressedLength, extent.UncompressedLength, members);
    }

    public UnitMember GetMember(int unit, int index)
    {
        ChunkUnit extent = _decoder.GetUnit(unit);
        int slot = SlotFrom(extent.FirstChunk) + index;
        return new UnitMember(slot, (int)(_decoder[NumberOf(slot)].UncompressedOffset - extent.UncompressedOffset));
    }

    public bool Decode(int unit, ReadOnlySpan<byte> compressed, Span<byte> decoded)
    {
        _decoder.DecodeUnit(_decoder.GetUnit(unit), compressed, decoded);
        return true;
    }

    public bool Verify(int slot, ReadOnlySpan<byte> chunk) => _decoder.Verify(NumberOf(slot), chunk) == ChunkVerdict.Good;

    /// <summary>Listed by the image, and with something to check it against.</summary>
    private static bool IsKnown(in ChunkInfo chunk) =>
        chunk.UncompressedSize > 0 && (chunk.Digest != default || chunk.Flags.HasFlag(ChunkFlags.HasCrc32));

    private static long EndOf(in ChunkInfo chunk) => chunk.UncompressedOffset + chunk.UncompressedSize;

    private static int[] ListNumbers(ChunkDecoder decoder, int count)
    {
        int[] numbers = new int[count];
        int slot = 0;
        for (int number = 0; number < decoder.ChunkCount; number++)
            if (IsKnown(decoder[number])) numbers[slot++] = number;
        return numbers;
    }

    private int NumberOf(int slot) => _numbers is null ? slot : _numbers[slot];

    /// <summary>The first slot whose number is at least <paramref name="number"/>.</summary>
    private int SlotFrom(int number)
    {
        if (_numbers is null) return number;
        int index = _numbers.AsSpan().BinarySearch(number);
        return index >= 0 ? index : ~index;
    }
}
