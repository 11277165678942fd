using Sluice.Formats.Compression;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>Compression of the parts of a blob that are not chunks: chunk-info arrays and bootstraps.</summary>
internal static class BlobMetadataCodec
{
    /// <exception cref="InvalidFormatException">Undecodable, or the claimed size is out of proportion to what is there.</exception>
    public static byte[] Decompress(Compressor compressor, ReadOnlySpan<byte> stored, long uncompressedSize, string name)
    {
        if (uncompressedSize is < 0 or > RafsBlobLimits.MaxMetadataSize ||
            uncompressedSize > RafsBlobLimits.FreeExpansion + (stored.Length * (long)RafsBlobLimits.MaxExpansion))
        {
            throw new InvalidFormatException("nydus blob", $"{name} claims {uncompressedSize} bytes in {stored.Length}");
        }

        if (compressor == Compressor.None || stored.Length == uncompressedSize)
        {
            return stored.Length == uncompressedSize
                ? stored.ToArray()
                : throw new InvalidFormatException("nydus blob", $"{name} has {stored.Length} bytes instead of {uncompressedSize}");
        }

        byte[] content = new byte[uncompressedSize];
        ChunkCodec.Decompress(compressor, stored, content);
        return content;
    }

    /// <summary>Compresses the content; where that does not make it smaller, returns it as it is and <see cref="Compressor.None"/>.</summary>
    public static (byte[] Stored, Compressor Compressor) Compress(Compressor compressor, ReadOnlySpan<byte> content)
    {
        if (compressor != Compressor.None)
        {
            byte[] buffer = new byte[ChunkCodec.MaxCompressedLength(compressor, content.Length)];
            int length = ChunkCodec.Compress(compressor, content, buffer);
            if (length >= 0) return (buffer[..length], compressor);
        }

        return (content.ToArray(), Compressor.None);
    }
}
