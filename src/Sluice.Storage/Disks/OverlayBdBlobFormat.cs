using System.Text;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Formats.Rafs;
using Sluice.Storage.Cache;
using Sluice.Storage.Images;

namespace Sluice.Storage.Disks;

/// <summary>
/// A layer of a block image as the cache sees it: the blob space is the LSMT file, uncompressed. A chunk, which is its own unit, is
/// a run of whole ZFile blocks of 64 KiB, aligned; of a layer that is stored plainly, 64 KiB of the file.
/// </summary>
/// <remarks>
/// The only check that the format has is the CRC of each block's compressed bytes, which stands beside the block and is looked at in
/// <see cref="Decode"/>. A layer without these (<see cref="BlockStackLayer.IsChecked"/>) must come from a source that has checked the whole
/// blob. As a CRC proves nothing about who made the bytes, the identity of the chunks holds where the blob comes from and its
/// jump table: images of different registries don't share a layer's cache file.
/// <para>The jump table's native memory is left to the garbage collector: fetches may outlive the disk.</para>
/// </remarks>
public sealed class OverlayBdBlobFormat : IBlobFormat
{
    private const int ChunkShift = 16;
    private const int ChunkSize = 1 << ChunkShift;

    private readonly BlockStackLayer _layer;
    private readonly ZFileIndex? _zfile;
    private readonly int _blocksPerChunk;
    private readonly ChunkDigest _identity;

    /// <param name="origin">Where the blob comes from: the name of its first source.</param>
    public OverlayBdBlobFormat(BlockStackLayer layer, string origin)
    {
        (_layer, _zfile) = (layer, layer.ZFile);
        _blocksPerChunk = _zfile is null ? 0 : ChunkSize / _zfile.Codec.BlockSize;
        Count = (int)((layer.Length + ChunkSize - 1) >> ChunkShift);
        string identity = FormattableString.Invariant($"{origin}\n{layer.PayloadOffset} {layer.Length} {_zfile?.Header.IndexOffset} {_zfile?.Header.IndexChecksum} {_zfile?.Codec}");
        _identity = ChunkDigest.Compute(DigestAlgorithm.Blake3, Encoding.UTF8.GetBytes(identity));
    }

    public Digest Blob => _layer.Blob;

    public long Length => _layer.Length;

    public int NumberCount => Count;

    public int Count { get; }

    public int UnitCount => Count;

    public bool HasContentDigests => false;

    public int Find(long offset) => offset < Length ? (int)(offset >> ChunkShift) : Count;

    public ChunkExtent GetExtent(int slot) => new((long)slot << ChunkShift, LengthOf(slot), slot);

    public ChunkDigest GetIdentity(int slot) => _identity;

    public int GetUnitOf(int slot) => slot;

    public FetchUnit GetUnit(int unit)
    {
        int length = LengthOf(unit);
        if (_zfile is null) return new FetchUnit(_layer.PayloadOffset + ((long)unit << ChunkShift), length, length, 1);
        int first = unit * _blocksPerChunk;
        long start = _zfile.GetBlock(first).StoredOffset;
        long end = _zfile.GetBlock(Math.Min(first + _blocksPerChunk, _zfile.BlockCount) - 1).StoredEnd;
        return new FetchUnit(_layer.PayloadOffset + start, (int)(end - start), length, 1);
    }

    public UnitMember GetMember(int unit, int index) => new(unit, 0);

    public bool Decode(int unit, ReadOnlySpan<byte> compressed, Span<byte> decoded)
    {
        // Whole blocks need no scratch memory.
        if (_zfile is null) compressed.CopyTo(decoded);
        else _zfile.Decode(compressed, _zfile.GetBlock(unit * _blocksPerChunk).StoredOffset, (long)unit << ChunkShift, decoded, scratch: default);
        return true;
    }

    public bool Verify(int slot, ReadOnlySpan<byte> chunk) => true;

    private int LengthOf(int slot) => (int)Math.Min(ChunkSize, _layer.Length - ((long)slot << ChunkShift));
}
