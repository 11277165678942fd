using System.Buffers.Binary;
using System.Text;

namespace Sluice.Formats.Rafs.V5;

/// <summary>Reads the blob table (ids) and the extended one (sizes, features) that newer builders add.</summary>
internal static class RafsV5BlobTable
{
    private const int ReadAheadFields = 8;
    private const int IdLength = 64;

    public static RafsBlob[] Read(ReadOnlySpan<byte> bootstrap, RafsV5Superblock superblock)
    {
        var blobs = new List<RafsBlob>();
        ReadOnlySpan<byte> rest = bootstrap.Slice(superblock.BlobTableOffset, superblock.BlobTableSize);
        while (!rest.IsEmpty)
        {
            if (blobs.Count == RafsV5Layout.MaxBlobs) throw RafsV5Layout.Error($"more than {RafsV5Layout.MaxBlobs} blobs", superblock.BlobTableOffset);
            if (rest.Length < ReadAheadFields + IdLength) throw RafsV5Layout.Error("the blob table ends inside an entry", superblock.BlobTableOffset);
            rest = rest[ReadAheadFields..];
            int end = rest.IndexOf((byte)0);
            ReadOnlySpan<byte> id = end < 0 ? rest : rest[..end];
            if (id.Length != IdLength || id.ContainsAnyExcept("0123456789abcdef"u8))
            {
                throw RafsV5Layout.Error("a blob id that is no sha256", superblock.BlobTableOffset);
            }

            blobs.Add(Extend(bootstrap, superblock, blobs.Count, new RafsBlob
            {
                Id = Encoding.ASCII.GetString(id),
                ChunkSize = superblock.ChunkSize,
                Compressor = superblock.Compressor,
                Digester = superblock.Digester,
            }));
            rest = end < 0 ? [] : rest[(end + 1)..];
            if (rest.Length < 8 && !rest.ContainsAnyExcept((byte)0)) break;
        }

        return [.. blobs];
    }

    private static RafsBlob Extend(ReadOnlySpan<byte> bootstrap, RafsV5Superblock superblock, int index, RafsBlob blob)
    {
        if (index >= superblock.ExtendedBlobEntries) return blob;
        int offset = superblock.ExtendedBlobTableOffset + (index * RafsV5Layout.ExtendedBlobSize);
        ReadOnlySpan<byte> entry = bootstrap.Slice(offset, RafsV5Layout.ExtendedBlobSize);
        uint chunks = BinaryPrimitives.ReadUInt32LittleEndian(entry);
        ulong uncompressed = BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]);
        ulong compressed = BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]);
        if (chunks > 1 << 24 || uncompressed > 1UL << 44 || compressed > 1UL << 40)
        {
            throw RafsV5Layout.Error($"blob {index} claims {chunks} chunks, {compressed} bytes and {uncompressed} uncompressed", offset);
        }

        return blob with
        {
            ChunkCount = (int)chunks,
            Features = (BlobFeatures)BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]),
            UncompressedSize = (long)uncompressed,
            CompressedSize = (long)compressed,
        };
    }
}
