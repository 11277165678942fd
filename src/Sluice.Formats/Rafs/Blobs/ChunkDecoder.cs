using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>
/// Knows, for one blob, which bytes of it every chunk needs, and turns those bytes into chunks. Does no I/O. Immutable and
/// safe for concurrent use; decoding rents its scratch space from the shared array pool.
/// </summary>
/// <remarks>
/// How a cache fills blob space <c>[a, b)</c>:
/// <code>
/// for (int c = decoder.FindChunk(a); c &lt; decoder.ChunkCount &amp;&amp; decoder[c].UncompressedOffset &lt; b; c = unit.EndChunk)
/// {
///     ChunkUnit unit = decoder.GetUnit(decoder.GetUnitOf(c));
///     byte[] compressed = Fetch(unit.CompressedOffset, unit.CompressedLength);
///     decoder.DecodeUnit(unit, compressed, buffer);                  // buffer: unit.UncompressedLength bytes
///     if (decoder.FindCorrupt(unit, buffer) >= 0) ...                // fetch again from another source
///     Write(buffer, unit.UncompressedOffset); MarkPresent(unit.FirstChunk, unit.ChunkCount);
/// }
/// </code>
/// Units are numbered in the order of blob space, and so are chunks (a blob where they are not is refused). Every known
/// builder also stores them in this order, so a run of units can be fetched with one read; but merging has to look at
/// the offsets, for nothing enforces it.
/// <para>
/// A blob whose bootstrap lists only some of its chunks has units of length 0 for the others.
/// Offsets count from the start of the data blob; for <see cref="BlobFeatures.Separate"/> blobs that is the OCI layer itself.
/// </para>
/// </remarks>
public sealed partial class ChunkDecoder
{
    private readonly ChunkInfo[] _chunks;
    private readonly ChunkInfoTable _table;
    private readonly BlobCipher? _cipher;

    /// <summary>First chunk of every unit and, last, the chunk count. Null where unit and chunk are the same.</summary>
    private readonly int[]? _unitStarts;

    /// <summary>From the chunk table of a bootstrap alone: enough for blobs without batches and gzip streams.</summary>
    /// <exception cref="InvalidFormatException">The chunks make no sense, or the blob needs its chunk-info table.</exception>
    public ChunkDecoder(RafsBlob blob, ChunkInfo[] chunks)
        : this(blob, TableOf(blob, chunks))
    {
    }

    /// <summary>From the blob's chunk-info table, usually after <see cref="ChunkInfoTable.WithTrusted"/>.</summary>
    /// <exception cref="InvalidFormatException">The table makes no sense: chunks overlap or reach beyond the blob or their context.</exception>
    public ChunkDecoder(RafsBlob blob, ChunkInfoTable table)
    {
        ArgumentNullException.ThrowIfNull(blob);
        ArgumentNullException.ThrowIfNull(table);
        Blob = blob;
        _table = table;
        _cipher = BlobCipher.For(blob);
        _chunks = ChunkTableCheck.Run(blob, table);
        _unitStarts = table.Batches.Length + table.Contexts.Length == 0 ? null : FindUnits();
    }

    public RafsBlob Blob { get; }

    public int ChunkCount => _chunks.Length;

    public int UnitCount => _unitStarts is null ? _chunks.Length : _unitStarts.Length - 1;

    /// <summary>A chunk that the image does not list has size 0 and the end of its predecessor as its offset.</summary>
    public ref readonly ChunkInfo this[int chunk] => ref _chunks[chunk];

    /// <summary>
    /// The first chunk that ends behind <paramref name="uncompressedOffset"/>: the one that holds this byte of blob space or, in
    /// a gap, the next. <see cref="ChunkCount"/> at the end.
    /// </summary>
    public int FindChunk(long uncompressedOffset)
    {
        int low = 0;
        int high = _chunks.Length;
        while (low < high)
        {
            int middle = (int)(((uint)low + (uint)high) / 2);
            ref readonly ChunkInfo chunk = ref _chunks[middle];
            if (chunk.UncompressedOffset + chunk.UncompressedSize <= uncompressedOffset) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    /// <summary>The compressed bytes that <see cref="Decode"/> needs: the chunk's own, or those of its whole batch or zran context.</summary>
    public (long Offset, int Length) GetCompressedRange(int chunk)
    {
        ref readonly ChunkInfo info = ref _chunks[chunk];
        if (info.UncompressedSize == 0 || info.Flags.Has(ChunkFlags.Hole)) return (info.CompressedOffset, 0);
        if (info.Flags.Has(ChunkFlags.Zran))
        {
            ref readonly ZranContext context = ref _table.Contexts[ContextOf(info)];
            return (context.InputOffset, context.InputLength);
        }

        return (info.CompressedOffset, info.Flags.Has(ChunkFlags.Batch) ? _table.Batches[ContextOf(info)].CompressedSize : info.CompressedSize);
    }

    /// <summary>Checks a decoded chunk against its digest or, if the image has none, its CRC-32C.</summary>
    /// <param name="data">Exactly the chunk's bytes.</param>
    public ChunkVerdict Verify(int chunk, ReadOnlySpan<byte> data)
    {
        ref readonly ChunkInfo info = ref _chunks[chunk];
        if (data.Length != info.UncompressedSize) return ChunkVerdict.Corrupt;
        if (info.Digest != default)
        {
            return ChunkDigest.Compute(Blob.Digester, data) == info.Digest ? ChunkVerdict.Good : ChunkVerdict.Corrupt;
        }

        if (!info.Flags.Has(ChunkFlags.HasCrc32)) return ChunkVerdict.Unverifiable;
        return Crc32C.Compute(data) == info.Crc32 ? ChunkVerdict.Good : ChunkVerdict.Corrupt;
    }

    /// <summary>Checks all chunks of a decoded unit. Chunks that have neither digest nor checksum pass.</summary>
    /// <param name="data">What <see cref="DecodeUnit"/> wrote.</param>
    /// <returns>The number of the first corrupt chunk, or -1.</returns>
    public int FindCorrupt(in ChunkUnit unit, ReadOnlySpan<byte> data)
    {
        if (unit.UncompressedLength == 0) return -1;
        for (int chunk = unit.FirstChunk; chunk < unit.EndChunk; chunk++)
        {
            ref readonly ChunkInfo info = ref _chunks[chunk];
            int start = (int)(info.UncompressedOffset - unit.UncompressedOffset);
            if (Verify(chunk, data.Slice(start, info.UncompressedSize)) == ChunkVerdict.Corrupt) return chunk;
        }

        return -1;
    }

    internal static int ContextOf(in ChunkInfo chunk) => (int)(chunk.Data >> 32);

    internal static int PositionOf(in ChunkInfo chunk) => (int)(uint)chunk.Data;

    private static ChunkInfoTable TableOf(RafsBlob blob, ChunkInfo[] chunks)
    {
        ArgumentNullException.ThrowIfNull(blob);
        if ((blob.Features & (BlobFeatures.Batch | BlobFeatures.Zran)) != BlobFeatures.None)
        {
            throw new InvalidFormatException("nydus blob", $"blob {blob.Id} can't be read without its chunk-info table");
        }

        return new ChunkInfoTable { Features = blob.Features, Chunks = chunks };
    }
}
