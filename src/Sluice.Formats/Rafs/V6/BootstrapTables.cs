using System.Numerics;
using Sluice.Formats.Compression;
using Sluice.Formats.Erofs;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs.V6;

/// <summary>The two superblocks of a bootstrap, checked as nydusd checks them, and where its tables are.</summary>
internal sealed class BootstrapTables
{
    private readonly ReadOnlyMemory<byte> _bytes;

    public BootstrapTables(ReadOnlyMemory<byte> bytes)
    {
        _bytes = bytes;
        if (bytes.Length < RafsV6Layout.TableAlignment) throw Invalid("shorter than one block", 0);
        var raw = new ErofsImage(bytes, RafsV6Reader.Format);
        Superblock = raw.Read<ErofsSuperblock>(ErofsLayout.SuperblockOffset, "the superblock");
        CheckSuperblock();
        Image = new ErofsImage(bytes, RafsV6Reader.Format)
        {
            BlockSize = 1 << Superblock.BlockBits,
            MetaOffset = (long)Superblock.MetaBlock << Superblock.BlockBits,
        };
        Extension = raw.Read<RafsExtension>(RafsV6Layout.ExtensionOffset, "the extended superblock");
        CheckExtension();
    }

    public ErofsImage Image { get; }

    public ErofsSuperblock Superblock { get; }

    public RafsExtension Extension { get; }

    public int ChunkSize => (int)Extension.ChunkSize;

    public bool IsTarfs => Extension.Flags.HasFlag(RafsFlags.Tarfs);

    public int BlobCount => Superblock.ExtraDevices;

    public Compressor Compressor => (Extension.Flags & RafsFlags.AnyCompression) switch
    {
        RafsFlags.CompressionNone => Compressor.None,
        RafsFlags.CompressionLz4 => Compressor.Lz4Block,
        RafsFlags.CompressionGzip => Compressor.Gzip,
        _ => Compressor.Zstd,
    };

    public DigestAlgorithm Digester =>
        Extension.Flags.HasFlag(RafsFlags.HashSha256) ? DigestAlgorithm.Sha256 : DigestAlgorithm.Blake3;

    public ReadOnlySpan<byte> DeviceTable =>
        _bytes.Span.Slice(RafsV6Layout.DeviceTableOffset, BlobCount * ErofsLayout.DeviceSlotSize);

    public ReadOnlySpan<byte> BlobTable => Table(Extension.BlobTableOffset, Extension.BlobTableSize);

    public ReadOnlySpan<byte> ChunkTable => Table(Extension.ChunkTableOffset, Extension.ChunkTableSize);

    /// <summary>Empty as well in old images of empty file systems, which have a size but no offset.</summary>
    public ReadOnlySpan<byte> PrefetchTable =>
        Extension.PrefetchTableOffset == 0 ? default : Table(Extension.PrefetchTableOffset, Extension.PrefetchTableSize);

    private ReadOnlySpan<byte> Table(ulong offset, ulong size) => size == 0 ? default : _bytes.Span.Slice((int)offset, (int)size);

    private void CheckSuperblock()
    {
        ErofsSuperblock sb = Superblock;
        Demand(sb.Magic == ErofsLayout.Magic, "no EROFS superblock", 0x00);
        Demand(sb.Checksum == 0, "a superblock checksum", 0x04);
        Demand((sb.Compatible & RafsV6Layout.CompatibleRafs) != 0, "an EROFS image without the RAFS v6 mark", 0x08);
        Demand(sb.BlockBits is 9 or 12, $"a block size of 2^{sb.BlockBits}", 0x0C);
        Demand(_bytes.Length % (1 << sb.BlockBits) == 0, "a length that is no multiple of the block size", 0x0C);
        Demand(sb.ExtensionSlots == 0, "superblock extension slots", 0x0D);
        Demand(sb.Inodes != 0, "no inodes", 0x10);
        Demand(sb.ExtraDevices != 0 || sb.Blocks is 0 or 4096, "blocks without a device", 0x24);
        Demand((long)sb.MetaBlock << sb.BlockBits < _bytes.Length, "a meta area outside of the image", 0x28);
        Demand(sb.XattrBlock == 0, "shared extended attributes", 0x2C);
        Demand(sb.Incompatible == RafsV6Layout.Incompatible, $"unsupported EROFS features 0x{sb.Incompatible:x}", 0x50);
        Demand(sb.Compression == 0, "compressed EROFS data", 0x54);
        Demand(sb.ExtraDevices <= byte.MaxValue, $"{sb.ExtraDevices} devices", 0x56);
        Demand(sb.DeviceTableSlot == RafsV6Layout.DeviceTableSlot, "a device table elsewhere", 0x58);

        void Demand(bool holds, string otherwise, int offset)
        {
            if (!holds) throw Invalid(otherwise, ErofsLayout.SuperblockOffset + offset);
        }
    }

    private void CheckExtension()
    {
        RafsExtension ext = Extension;
        long devicesEnd = RafsV6Layout.DeviceTableOffset + ((long)BlobCount * ErofsLayout.DeviceSlotSize);
        Demand(BitOperations.PopCount((ulong)(ext.Flags & RafsFlags.AnyCompression)) == 1, "not exactly one compressor", 0x00);
        Demand(BitOperations.PopCount((ulong)(ext.Flags & RafsFlags.AnyHash)) == 1, "not exactly one digester", 0x00);
        Demand(
            BitOperations.IsPow2(ext.ChunkSize) && ext.ChunkSize is >= RafsV6Layout.MinChunkSize and <= RafsV6Layout.MaxChunkSize,
            $"a chunk size of {ext.ChunkSize}", 0x14);
        Demand(devicesEnd <= _bytes.Length, "a device table outside of the image", 0x08);
        Demand(ext.BlobTableSize == (uint)(BlobCount * BlobTableEntry.Size), "not one blob per device", 0x10);

        // Offset 0 of an empty table is accepted: nydus-image versions differ in what they write there.
        (long, long) blobs = ext.BlobTableSize == 0 ? default : Range(ext.BlobTableOffset, ext.BlobTableSize, 4096, "blob", 0x08);
        (long, long) chunks = ext.ChunkTableSize == 0 ? default : Range(ext.ChunkTableOffset, ext.ChunkTableSize, 4096, "chunk", 0x18);
        bool hasPrefetch = ext.PrefetchTableSize != 0 && ext.PrefetchTableOffset != 0;
        (long, long) prefetch = hasPrefetch ? Range(ext.PrefetchTableOffset, ext.PrefetchTableSize, 1, "prefetch", 0x28) : default;
        Demand(ext.ChunkTableSize % ChunkTableEntry.Size == 0, "a chunk table that ends within an entry", 0x20);
        Demand(ext.PrefetchTableSize % sizeof(uint) == 0, "a prefetch table that ends within an entry", 0x30);
        Demand(!Overlap(blobs, chunks) && !Overlap(blobs, prefetch) && !Overlap(chunks, prefetch), "overlapping tables", 0x08);

        (long Start, long End) Range(ulong offset, ulong size, uint alignment, string table, int field)
        {
            Demand(offset % alignment == 0, $"a {table} table off its alignment", field);
            Demand(
                offset >= 4096 && offset >= (ulong)devicesEnd && offset <= (ulong)_bytes.Length && size <= (ulong)_bytes.Length - offset,
                $"a {table} table outside of its place",
                field);
            return ((long)offset, (long)(offset + size));
        }

        void Demand(bool holds, string otherwise, int offset)
        {
            if (!holds) throw Invalid(otherwise, RafsV6Layout.ExtensionOffset + offset);
        }
    }

    private static bool Overlap((long Start, long End) a, (long Start, long End) b) => a.Start < b.End && b.Start < a.End;

    private static InvalidFormatException Invalid(string message, long offset) => new(RafsV6Reader.Format, message, offset);
}
