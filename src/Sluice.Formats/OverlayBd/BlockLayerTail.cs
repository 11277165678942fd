using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Formats.OverlayBd;

/// <summary>
/// Opens a block layer from the end of its blob, without I/O of its own: the caller fetches the tail, asks, and fetches more where the
/// answer is "more". Two requests are enough, unless the LSMT index is larger than the jump table in front of which it lies.
/// </summary>
/// <remarks>
/// <code>
/// long from = Math.Max(0, blobSize - BlockLayerTail.FirstRead);
/// while ((layer = BlockLayerTail.TryRead(tail, blobSize, out from)) is null) ... // tail = bytes from `from` to the end of the blob
/// </code>
/// The trailer is looked for, because the head of a tar, which says where the payload ends, is not at hand. The jump table stands directly in
/// front of the ZFile's trailer (the index in front of LSMT's), so its offset tells where the payload begins.
/// </remarks>
public static class BlockLayerTail
{
    /// <summary>Bytes of the first tail: enough for everything in layers of some 100 MB.</summary>
    public const int FirstRead = 256 << 10;

    /// <summary>Bytes behind the trailer that are looked through: a tar's end, rounded up to its usual record of 10 KiB.</summary>
    private const int MaxPadding = 12 << 10;

    private const string Format = "block layer";

    /// <summary>Reads the tail of a blob.</summary>
    /// <param name="tail">The last bytes of the blob, as many as are at hand; all of it if it is small.</param>
    /// <param name="blobSize">Bytes of the whole blob.</param>
    /// <param name="neededFrom">When the result is null: where in the blob the tail has to begin; always before it begins now.</param>
    /// <param name="warp">The layer belongs to TurboOCI, see <see cref="LsmtIndexReader.Read"/>.</param>
    /// <returns>The layer, or null when more of the blob is needed.</returns>
    /// <exception cref="InvalidFormatException">The blob is not a block layer, or is damaged.</exception>
    public static BlockLayer? TryRead(ReadOnlySpan<byte> tail, long blobSize, out long neededFrom, bool warp = false)
    {
        if (tail.Length > blobSize) throw new ArgumentException("longer than the blob", nameof(tail));
        neededFrom = 0;
        long tailStart = blobSize - tail.Length;
        if (tail.Length < Math.Min(blobSize, MaxPadding + LsmtHeader.Size))
        {
            neededFrom = Math.Max(0, blobSize - FirstRead);
            return null;
        }

        ReadOnlySpan<byte> end = tail[Math.Max(0, tail.Length - MaxPadding - LsmtHeader.Size)..];
        int zfile = end.LastIndexOf(ZFileHeader.Magic);
        int lsmt = end.LastIndexOf(LsmtHeader.Magic);
        if (zfile < 0 && lsmt < 0) throw Error("there is neither a ZFile's trailer nor one of LSMT at its end");
        var source = new Source(tail, tailStart);
        long at = blobSize - end.Length + Math.Max(zfile, lsmt);
        return zfile > lsmt ? ReadZFile(source, at, warp, out neededFrom) : ReadPlain(source, at, warp, out neededFrom);
    }

    private static BlockLayer? ReadZFile(Source source, long trailerAt, bool warp, out long neededFrom)
    {
        ZFileHeader header = ZFileHeader.Read(source.From(trailerAt));
        if (!header.HasIndex) throw Error("it ends with a ZFile's header");
        int payload = PayloadOffset(trailerAt - header.IndexOffset - header.IndexLength);
        CheckPadding(source.From(trailerAt + ZFileHeader.Size), payload);
        if (header.ContentLength < 2 * LsmtHeader.Size) throw Error($"a ZFile of {header.ContentLength} bytes holds no LSMT file");

        // The LSMT index is at the end of the content, in blocks in front of the table. How long it is nobody knows yet.
        long table = payload + header.IndexOffset;
        neededFrom = Math.Max(0, table - Math.Max(FirstRead, header.IndexLength));
        if (!source.Has(table)) return null;
        ZFileIndex index = ZFileIndex.Read(header, source.From(table)[..(int)header.IndexLength]);
        BlockLayer? layer = null;
        try
        {
            return layer = ReadCompressed(source, index, payload, warp, out neededFrom);
        }
        finally
        {
            if (layer is null) index.Dispose();
        }
    }

    private static BlockLayer? ReadCompressed(Source source, ZFileIndex index, int payload, bool warp, out long neededFrom)
    {
        Span<byte> trailerBytes = stackalloc byte[LsmtHeader.Size];
        if (!TryDecode(source, index, payload, index.ContentLength - LsmtHeader.Size, trailerBytes, out neededFrom)) return null;
        LsmtHeader trailer = LsmtHeader.Read(trailerBytes);
        (long offset, int length) = LsmtIndexReader.GetRange(trailer, index.ContentLength);
        byte[] entries = new byte[length];
        if (!TryDecode(source, index, payload, offset, entries, out neededFrom)) return null;
        return new BlockLayer
        {
            PayloadOffset = payload,
            ZFile = index,
            Length = index.ContentLength,
            Trailer = trailer,
            Extents = LsmtIndexReader.Read(trailer, entries, warp),
        };
    }

    private static bool TryDecode(Source source, ZFileIndex index, int payload, long position, Span<byte> content, out long neededFrom)
    {
        neededFrom = 0;
        if (content.IsEmpty) return true;
        ZFileBlock first = index.GetBlock(index.GetBlockNumber(position));
        neededFrom = payload + first.StoredOffset;
        if (!source.Has(neededFrom))
        {
            neededFrom = Math.Max(0, neededFrom - FirstRead);
            return false;
        }

        index.Decode(source.From(neededFrom), first.StoredOffset, position, content, new byte[index.Codec.BlockSize]);
        return true;
    }

    private static BlockLayer? ReadPlain(Source source, long trailerAt, bool warp, out long neededFrom)
    {
        LsmtHeader trailer = LsmtHeader.Read(source.From(trailerAt));

        // A committed layer's index is padded with entries, one that was sealed in place to a sector, TurboOCI's not at all.
        const int sector = LsmtExtent.SectorSize;
        long indexEnd = trailer.IndexOffset + trailer.IndexLength;
        int payload = PayloadOffset(trailerAt - (indexEnd % sector == trailerAt % sector ? indexEnd : (indexEnd + sector - 1) & -sector));
        CheckPadding(source.From(trailerAt + LsmtHeader.Size), payload);
        long length = trailerAt + LsmtHeader.Size - payload;
        (long offset, int indexLength) = LsmtIndexReader.GetRange(trailer, length);
        neededFrom = payload + offset;
        if (!source.Has(neededFrom)) return null;
        return new BlockLayer
        {
            PayloadOffset = payload,
            ZFile = null,
            Length = length,
            Trailer = trailer,
            Extents = LsmtIndexReader.Read(trailer, source.From(neededFrom)[..indexLength], warp),
        };
    }

    private static int PayloadOffset(long offset) =>
        offset is 0 or TarWrapper.PlainPayloadOffset or TarWrapper.PaxPayloadOffset
            ? (int)offset
            : throw Error($"its trailer does not say where it ends: the layer would begin at byte {offset}");

    private static void CheckPadding(ReadOnlySpan<byte> rest, int payload)
    {
        if (rest.ContainsAnyExcept((byte)0) || (payload == 0 && !rest.IsEmpty)) throw Error("other bytes follow its trailer");
    }

    private static InvalidFormatException Error(string message) => new(Format, message);

    /// <summary>The end of a blob, addressed by the blob's positions.</summary>
    private readonly ref struct Source(ReadOnlySpan<byte> tail, long start)
    {
        private readonly ReadOnlySpan<byte> _tail = tail;

        public bool Has(long position) => position >= start;

        public ReadOnlySpan<byte> From(long position) => position - start >= _tail.Length ? default : _tail[(int)(position - start)..];
    }
}
