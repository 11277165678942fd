namespace Sluice.Formats.OverlayBd.ZFile;

/// <summary>How a ZFile is written. The defaults are those of the format's own tools.</summary>
public sealed record ZFileOptions
{
    public ZFileAlgorithm Algorithm { get; init; } = ZFileAlgorithm.Lz4;

    /// <summary>Bytes, a power of two from 4 KiB to 64 KiB. 64 KiB is a wish, see <see cref="ZFileWriter"/>.</summary>
    public int BlockSize { get; init; } = 4 << 10;

    /// <summary>A checksum after each block. Without, damage may decode to wrong content.</summary>
    public bool HasChecksums { get; init; } = true;

    /// <summary>Writes the header again at the end, so that a reader finds the jump table from there. The output must be able to seek.</summary>
    public bool OverwriteHeader { get; init; }
}
