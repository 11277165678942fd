using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Storage.Cache;

namespace Sluice.Storage.Tests.Fetching;

/// <summary>
/// A made-up blob whose content is known: units of one to four chunks, chunks on 4096-byte boundaries of blob space, units
/// "compressed" by an XOR and by leaving the alignment gaps out, with unused bytes between some of them.
/// </summary>
internal sealed class SyntheticBlob : IBlobFormat
{
    private readonly List<ChunkExtent> _chunks = [];
    private readonly List<ChunkDigest> _digests = [];
    private readonly List<int> _unitOf = [];
    private readonly List<(FetchUnit Unit, int First)> _units = [];
    private readonly int[] _known;

    private SyntheticBlob(Digest blob, byte[] stored, byte[] content, SyntheticBlob? full, int[] known)
    {
        (Blob, Stored, Content, _known) = (blob, stored, content, known);
        if (full is null) return;
        (_chunks, _digests, _unitOf, _units) = (full._chunks, full._digests, full._unitOf, full._units);
    }

    public Digest Blob { get; }

    /// <summary>The blob as a source holds it.</summary>
    public byte[] Stored { get; }

    /// <summary>The blob space, padded to 4096.</summary>
    public byte[] Content { get; }

    public long Length { get; private init; }

    public int NumberCount => _chunks.Count;

    public int Count => _known.Length;

    public int UnitCount => _units.Count;

    /// <summary>Called at the start of each decoding, with the unit.</summary>
    public Action<int>? Decoding { get; set; }

    /// <summary>Chunks of <paramref name="chunkSize"/> (shorter ones at random where <paramref name="vary"/>), units of up to <paramref name="maxMembers"/>.</summary>
    /// <param name="like">Every second chunk is one of this blob, where the lengths allow, at another place.</param>
    public static SyntheticBlob Create(int seed, int chunks, int chunkSize = 4096, int maxMembers = 1, bool vary = false, int maxGap = 0, SyntheticBlob? like = null)
    {
        Random random = new(seed);
        List<ChunkExtent> extents = [];
        long offset = 0;
        for (int number = 0; number < chunks; number++)
        {
            int length = vary ? random.Next(1, chunkSize + 1) : chunkSize;
            extents.Add(new ChunkExtent(offset, length, number));
            offset = (offset + length + 4095) & ~4095L;
        }

        byte[] content = new byte[offset];
        foreach (ChunkExtent extent in extents) random.NextBytes(content.AsSpan((int)extent.Offset, extent.Length));
        for (int number = 0; like is not null && number < chunks; number += 2)
        {
            ChunkExtent other = like._chunks[chunks - 1 - number];
            if (other.Length == extents[number].Length) like.Content.AsSpan((int)other.Offset, other.Length).CopyTo(content.AsSpan((int)extents[number].Offset));
        }

        MemoryStream stored = new();
        List<(FetchUnit, int)> units = [];
        List<int> unitOf = [];
        for (int first = 0; first < chunks;)
        {
            int members = Math.Min(random.Next(1, maxMembers + 1), chunks - first);
            stored.Write(new byte[maxGap == 0 ? 0 : random.Next(maxGap + 1)]);
            long start = stored.Position;
            for (int member = 0; member < members; member++)
            {
                foreach (byte value in content.AsSpan((int)extents[first + member].Offset, extents[first + member].Length)) stored.WriteByte((byte)(value ^ 0x5A));
                unitOf.Add(units.Count);
            }

            int length = (int)(stored.Position - start);
            units.Add((new FetchUnit(start, length, length, members), first));
            first += members;
        }

        byte[] bytes = stored.ToArray();
        SyntheticBlob blob = new(Digest.Sha256(bytes), bytes, content, null, [.. Enumerable.Range(0, chunks)]) { Length = extents[^1].End };
        blob._chunks.AddRange(extents);
        blob._digests.AddRange(extents.Select(extent => ChunkDigest.Compute(DigestAlgorithm.Sha256, content.AsSpan((int)extent.Offset, extent.Length))));
        blob._units.AddRange(units);
        blob._unitOf.AddRange(unitOf);
        return blob;
    }

    /// <summary>Chunks of these lengths, a unit each; their bytes are cheap to make.</summary>
    public static SyntheticBlob Of(IReadOnlyList<int> lengths)
    {
        List<ChunkExtent> extents = [];
        long offset = 0;
        foreach (int length in lengths)
        {
            extents.Add(new ChunkExtent(offset, length, extents.Count));
            offset = (offset + length + 4095) & ~4095L;
        }

        byte[] content = new byte[offset];
        foreach (ChunkExtent extent in extents) BitConverter.TryWriteBytes(content.AsSpan((int)extent.Offset, extent.Length), extent.Number);
        byte[] stored = [.. content.Select(value => (byte)(value ^ 0x5A))];
        SyntheticBlob blob = new(Digest.Sha256(stored), stored, content, null, [.. Enumerable.Range(0, extents.Count)]) { Length = extents[^1].End };
        blob._chunks.AddRange(extents);
        blob._digests.AddRange(extents.Select(extent => ChunkDigest.Compute(DigestAlgorithm.Sha256, content.AsSpan((int)extent.Offset, extent.Length))));
        blob._units.AddRange(extents.Select(extent => (new FetchUnit(extent.Offset, extent.Length, extent.Length, 1), extent.Number)));
        blob._unitOf.AddRange(Enumerable.Range(0, extents.Count));
        return blob;
    }

    /// <summary>The same blob as an image sees it that knows only some chunks. Units stay whole.</summary>
    public SyntheticBlob Only(params int[] numbers) => new(Blob, Stored, Content, this, numbers) { Length = Length };

    /// <summary>A dishonest view of the blob: other content, and digests to match, under the same name.</summary>
    public SyntheticBlob Forged(int seed)
    {
        SyntheticBlob other = Create(seed, _chunks.Count, _chunks[0].Length);
        SyntheticBlob forged = new(Blob, other.Stored, other.Content, other, other._known) { Length = other.Length };
        return forged;
    }

    public int Find(long offset)
    {
        int slot = 0;
        int high = _known.Length;
        while (slot < high)
        {
            int middle = (slot + high) / 2;
            if (_chunks[_known[middle]].End <= offset) slot = middle + 1;
            else high = middle;
        }

        return slot;
    }

    public ChunkExtent GetExtent(int slot) => _chunks[_known[slot]];

    public ChunkDigest GetIdentity(int slot) => _digests[_known[slot]];

    public int GetUnitOf(int slot) => _unitOf[_known[slot]];

    public FetchUnit GetUnit(int unit)
    {
        (FetchUnit extent, int first) = _units[unit];
        int members = 0;
        for (int number = first; number < first + extent.MemberCount; number++)
            if (Array.BinarySearch(_known, number) >= 0) members++;
        return extent with { MemberCount = members };
    }

    public UnitMember GetMember(int unit, int index)
    {
        (FetchUnit extent, int first) = _units[unit];
        int offset = 0;
        for (int number = first; number < first + extent.MemberCount; number++)
        {
            int slot = Array.BinarySearch(_known, number);
            if (slot >= 0 && index-- == 0) return new UnitMember(slot, offset);
            offset += _chunks[number].Length;
        }

        throw new ArgumentOutOfRangeException(nameof(index));
    }

    public bool Decode(int unit, ReadOnlySpan<byte> compressed, Span<byte> decoded)
    {
        Decoding?.Invoke(unit);
        for (int index = 0; index < compressed.Length; index++) decoded[index] = (byte)(compressed[index] ^ 0x5A);
        return true;
    }

    public bool Verify(int slot, ReadOnlySpan<byte> chunk) => ChunkDigest.Compute(DigestAlgorithm.Sha256, chunk) == _digests[_known[slot]];
}
