using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <summary>
/// What the read path needs to know of one blob, whatever format it has: which chunks fill its blob space, which
/// compressed range yields them, how they are decoded and checked. Immutable; all members may be called concurrently,
/// take constant or logarithmic time and, <see cref="Decode"/> apart, allocate nothing.
/// </summary>
/// <remarks>
/// Three numberings meet here. A chunk's <b>number</b> is the blob's own and the same for every image that uses the blob:
/// the chunk map has one bit per number. An image may know only the chunks that its files use: they are its <b>slots</b>,
/// 0..<see cref="Count"/>-1 in the order of the blob space. A <b>unit</b> is the smallest thing that is fetched and
/// decoded: one chunk, a batch of them or a stretch of a gzip stream; units are numbered in the order of their compressed
/// offsets, so the neighbours of a unit in the blob are its neighbours in number.
/// </remarks>
public interface IBlobFormat
{
    /// <summary>The blob that sources are asked for.</summary>
    Digest Blob { get; }

    /// <summary>Bytes of the blob space. Every chunk ends at or before it.</summary>
    long Length { get; }

    /// <summary>How many chunk numbers the blob has, known to this image or not.</summary>
    int NumberCount { get; }

    /// <summary>How many chunks this image knows: the slots.</summary>
    int Count { get; }

    int UnitCount { get; }

    /// <summary>
    /// False where nothing says what a chunk decodes to: <see cref="Decode"/> then checks the compressed bytes (OverlayBD has a CRC of these
    /// and no more), <see cref="Verify"/> has nothing to add, and equal chunks of other blobs can't be told.
    /// </summary>
    bool HasContentDigests => true;

    /// <summary>The first slot whose chunk ends behind <paramref name="offset"/> of the blob space; <see cref="Count"/> if there is none.</summary>
    int Find(long offset);

    ChunkExtent GetExtent(int slot);

    /// <summary>
    /// What the chunk is checked against: its digest, or its CRC in an otherwise empty digest. Without <see cref="HasContentDigests"/>, one
    /// value for all chunks that tells blobs apart whose bytes may differ under one name.
    /// </summary>
    ChunkDigest GetIdentity(int slot);

    int GetUnitOf(int slot);

    FetchUnit GetUnit(int unit);

    /// <summary>Member <paramref name="index"/> (0..<see cref="FetchUnit.MemberCount"/>-1) of a unit: its slot, and where it starts in the decoded unit.</summary>
    UnitMember GetMember(int unit, int index);

    /// <summary>
    /// Decodes a whole unit. False, or a <see cref="Formats.SluiceException"/>, if the bytes can't be decoded; true says nothing
    /// yet about <see cref="Verify"/>.
    /// </summary>
    /// <param name="compressed">Exactly <see cref="FetchUnit.CompressedLength"/> bytes.</param>
    /// <param name="decoded">Exactly <see cref="FetchUnit.DecodedLength"/> bytes.</param>
    bool Decode(int unit, ReadOnlySpan<byte> compressed, Span<byte> decoded);

    /// <summary>
    /// True if <paramref name="chunk"/> is the content of the slot, by digest or, where the format has only that, by CRC; always true without
    /// <see cref="HasContentDigests"/>.
    /// </summary>
    bool Verify(int slot, ReadOnlySpan<byte> chunk);
}
