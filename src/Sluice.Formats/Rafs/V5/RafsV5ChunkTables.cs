using System.Buffers.Binary;
using Sluice.Formats.Hashing;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs.V5;

/// <summary>Collects the chunk tables of the blobs out of the chunk records that v5 keeps with each file, duplicates and all.</summary>
internal sealed class RafsV5ChunkTables(RafsBlob[] blobs, int chunkSize)
{
    /// <summary>
    /// A file may refer to chunk 2^24 of a blob and no other; the table then is mostly empty. Tables may have this many empty
    /// entries (100 MB) in all, and more only in proportion to the entries in use.
    /// </summary>
    private const long FreeSlots = 1 << 20;

    private const long SlotsPerChunk = 64;

    private const uint KnownFlags = (uint)(ChunkFlags.Compressed | ChunkFlags.Hole | ChunkFlags.Encrypted | ChunkFlags.Batch | ChunkFlags.HasCrc32);

    private readonly ChunkInfo[][] _chunks = [.. blobs.Select(_ => Array.Empty<ChunkInfo>())];
    private readonly int[] _counts = new int[blobs.Length];
    private long _slots;
    private long _used;

    public IReadOnlyList<ChunkInfo[]> ToTables() => [.. _chunks.Select((chunks, blob) => chunks[.._counts[blob]])];

    /// <summary>Reads the chunks of one file.</summary>
    public ChunkReference[] Read(ref readonly RafsV5Inode inode)
    {
        ReadOnlySpan<byte> records = inode.GetChunks(chunkSize);
        var references = new ChunkReference[records.Length / RafsV5Layout.ChunkSize];
        for (int i = 0; i < references.Length; i++)
        {
            ReadOnlySpan<byte> record = records.Slice(i * RafsV5Layout.ChunkSize, RafsV5Layout.ChunkSize);
            long size = Math.Min(chunkSize, inode.Size - ((long)i * chunkSize));
            if (BinaryPrimitives.ReadUInt32LittleEndian(record[44..]) != size) throw inode.Error($"has a wrong size in chunk {i}");
            references[i] = Add(record, in inode);
        }

        return references;
    }

    private ChunkReference Add(ReadOnlySpan<byte> record, ref readonly RafsV5Inode inode)
    {
        uint blob = BinaryPrimitives.ReadUInt32LittleEndian(record[32..]);
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(record[36..]);
        uint compressedSize = BinaryPrimitives.ReadUInt32LittleEndian(record[40..]);
        ulong compressedOffset = BinaryPrimitives.ReadUInt64LittleEndian(record[48..]);
        ulong uncompressedOffset = BinaryPrimitives.ReadUInt64LittleEndian(record[56..]);
        uint number = BinaryPrimitives.ReadUInt32LittleEndian(record[72..]);
        if (blob >= (uint)blobs.Length) throw inode.Error($"has a chunk in blob {blob} of {blobs.Length}");
        if ((flags & ~KnownFlags) != 0 || (flags & (uint)(ChunkFlags.Hole | ChunkFlags.Batch | ChunkFlags.Encrypted)) != 0)
        {
            throw inode.Error($"has a chunk with flags 0x{flags:x}, which v5 images do not use");
        }

        if (compressedSize > int.MaxValue || compressedOffset > 1UL << 40 || uncompressedOffset > 1UL << 44)
        {
            throw inode.Error("has a chunk at an impossible place");
        }

        var chunk = new ChunkInfo
        {
            CompressedOffset = (long)compressedOffset,
            CompressedSize = (int)compressedSize,
            UncompressedOffset = (long)uncompressedOffset,
            UncompressedSize = BinaryPrimitives.ReadInt32LittleEndian(record[44..]),
            Flags = (ChunkFlags)flags,
            Crc32 = BinaryPrimitives.ReadUInt32LittleEndian(record[76..]),
            Digest = new ChunkDigest(record[..ChunkDigest.Size]),
        };
        ref ChunkInfo slot = ref Slot((int)blob, number, in inode);
        if (slot.UncompressedSize == 0) _used++;
        else if (slot != chunk) throw inode.Error($"has another idea of chunk {number} than other files");
        slot = chunk;
        return new ChunkReference((int)blob, (int)number);
    }

    private ref ChunkInfo Slot(int blob, uint number, ref readonly RafsV5Inode inode)
    {
        if (number < (uint)_counts[blob]) return ref _chunks[blob][number];
        int known = blobs[blob].ChunkCount;
        if (number >= 1 << 24 || (known > 0 && number >= (uint)known)) throw inode.Error($"has chunk {number} of {known}");
        _slots += number + 1 - _counts[blob];
        if (_slots > FreeSlots + (_used * SlotsPerChunk)) throw inode.Error($"has chunk {number}, but hardly any other chunk is known");
        _counts[blob] = (int)number + 1;
        if (_chunks[blob].Length <= number) Array.Resize(ref _chunks[blob], Math.Max((int)number + 1, _chunks[blob].Length * 2));
        return ref _chunks[blob][number];
    }
}
