using Sluice.Formats;
using Sluice.Formats.Ext4;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Build.Convert;

/// <summary>How an OverlayBD image is made.</summary>
public sealed record BlockImageOptions
{
    /// <summary>Bytes of the device that a container sees: 1 MiB to 16 TiB less 4 KiB, a multiple of 4 KiB. It costs nothing until it is used.</summary>
    public long VirtualSize { get; init; } = Ext4FormatOptions.DefaultSize;

    /// <summary>Bytes of a compressed block: a power of two, 4 to 64 KiB. 64 KiB become 32 KiB in layers that hold a block that does not compress.</summary>
    public int BlockSize { get; init; } = DefaultBlockSize(ZFileAlgorithm.Zstd);

    public ZFileAlgorithm Algorithm { get; init; } = ZFileAlgorithm.Zstd;

    /// <summary>One layer for the whole image, or for what lies on the base layer.</summary>
    public bool Flatten { get; init; }

    /// <summary>The file system to begin with; null: a new one of <see cref="VirtualSize"/>.</summary>
    public BaseLayer? Base { get; init; }

    internal ZFileOptions ZFile => new() { Algorithm = Algorithm, BlockSize = BlockSize };

    /// <summary>What decides the bytes of a layer besides the layers that it is made of; changes when the writer does.</summary>
    internal string Fingerprint => $"overlaybd/2 {VirtualSize} {BlockSize} {Algorithm}{(Flatten ? " flat" : "")}";

    /// <summary>What goes well with an algorithm: the original's 4 KiB with LZ4; zstd needs more to find what repeats.</summary>
    public static int DefaultBlockSize(ZFileAlgorithm algorithm) => algorithm == ZFileAlgorithm.Lz4 ? 4 << 10 : 16 << 10;

    /// <exception cref="SluiceException"><see cref="SluiceError.Usage"/>.</exception>
    internal static void CheckBlockSize(int size)
    {
        if (!ZFileLimits.IsBlockSize(size))
            throw new SluiceException(SluiceError.Usage, "--block-size", $"{size} is not a power of two from 4 KiB to 64 KiB");
    }
}
