namespace Sluice.Formats.Compression;

/// <summary>How chunks are compressed. The numbers are those of RAFS.</summary>
public enum Compressor
{
    None = 0,
    Lz4Block = 1,
    Gzip = 2,
    Zstd = 3,
}
