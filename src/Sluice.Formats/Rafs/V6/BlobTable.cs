using System.Runtime.InteropServices;
using System.Text;

namespace Sluice.Formats.Rafs.V6;

/// <summary>Blobs to and from the entries of the blob table.</summary>
internal static class BlobTable
{
    /// <summary>Fills the 256 bytes of <paramref name="bytes"/>.</summary>
    public static void Write(RafsBlob blob, int index, int chunkSize, Span<byte> bytes)
    {
        var entry = new BlobTableEntry
        {
            Index = (uint)index,
            ChunkSize = (uint)chunkSize,
            ChunkCount = (uint)blob.ChunkCount,
            Compressor = blob.Compressor,
            Digester = blob.Digester,
            Features = blob.Features,
            CompressedSize = (ulong)blob.CompressedSize,
            UncompressedSize = (ulong)blob.UncompressedSize,
            TocSize = (uint)blob.TocSize,
            ChunkInfoCompressor = blob.ChunkInfoCompressor,
            ChunkInfoOffset = (ulong)blob.ChunkInfoOffset,
            ChunkInfoCompressedSize = (ulong)blob.ChunkInfoCompressedSize,
            ChunkInfoUncompressedSize = (ulong)blob.ChunkInfoUncompressedSize,
            TocDigest = blob.TocDigest,
            MetaDigest = blob.MetaDigest,
            MetaSize = (ulong)blob.MetaSize,
            Cipher = blob.Cipher,
        };
        MemoryMarshal.Write(bytes, in entry);
        Encoding.ASCII.GetBytes(blob.Id, bytes);
        if (blob.Cipher == RafsCipher.None) return;
        blob.CipherKey.Span.CopyTo(bytes[BlobTableEntry.CipherKeyOffset..]);
        blob.CipherIv.Span.CopyTo(bytes[BlobTableEntry.CipherIvOffset..]);
    }

    /// <summary>Takes an entry apart; the caller has checked its fields.</summary>
    public static RafsBlob Read(in BlobTableEntry entry, ReadOnlySpan<byte> bytes, long mappedOffset)
    {
        bool encrypted = entry.Cipher != RafsCipher.None;
        return new RafsBlob
        {
            Id = Encoding.ASCII.GetString(bytes[..RafsV6Layout.BlobIdLength]),
            ChunkSize = (int)entry.ChunkSize,
            ChunkCount = (int)entry.ChunkCount,
            Compressor = entry.Compressor,
            Digester = entry.Digester,
            Features = entry.Features,
            CompressedSize = (long)entry.CompressedSize,
            UncompressedSize = (long)entry.UncompressedSize,
            TocSize = (int)entry.TocSize,
            ChunkInfoCompressor = entry.ChunkInfoCompressor,
            ChunkInfoOffset = (long)entry.ChunkInfoOffset,
            ChunkInfoCompressedSize = (long)entry.ChunkInfoCompressedSize,
            ChunkInfoUncompressedSize = (long)entry.ChunkInfoUncompressedSize,
            TocDigest = entry.TocDigest,
            MetaDigest = encrypted ? default : entry.MetaDigest,
            MetaSize = encrypted ? 0 : (long)entry.MetaSize,
            Cipher = entry.Cipher,
            CipherKey = encrypted ? bytes.Slice(BlobTableEntry.CipherKeyOffset, BlobTableEntry.CipherKeySize).ToArray() : default,
            CipherIv = encrypted ? bytes.Slice(BlobTableEntry.CipherIvOffset, BlobTableEntry.CipherIvSize).ToArray() : default,
            MappedOffset = mappedOffset,
        };
    }
}
