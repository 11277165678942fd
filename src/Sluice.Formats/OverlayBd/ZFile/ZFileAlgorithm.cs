using Sluice.Formats.Compression;

namespace Sluice.Formats.OverlayBd.ZFile;

/// <summary>How the blocks of a ZFile are compressed. The numbers are those on disk; 0 (minilzo) was never implemented.</summary>
public enum ZFileAlgorithm
{
    /// <summary>Raw LZ4 blocks without a size.</summary>
    Lz4 = 1,

    /// <summary>One complete zstd frame per block.</summary>
    Zstd = 2,
}

internal static class ZFileAlgorithmExtensions
{
    public static Compressor ToCompressor(this ZFileAlgorithm algorithm) => algorithm switch
    {
        ZFileAlgorithm.Lz4 => Compressor.Lz4Block,
        ZFileAlgorithm.Zstd => Compressor.Zstd,
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "not an algorithm of ZFile"),
    };
}
