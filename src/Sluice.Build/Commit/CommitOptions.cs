using Sluice.Build.Convert;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Build.Commit;

/// <summary>How a container's changes become layers. Equal options over equal changes make equal bytes, whatever <see cref="Jobs"/> is.</summary>
public sealed record CommitOptions
{
    /// <summary>Bytes of a compressed block; see <see cref="BlockImageOptions.BlockSize"/>.</summary>
    public int BlockSize { get; init; } = BlockImageOptions.DefaultBlockSize(ZFileAlgorithm.Zstd);

    public ZFileAlgorithm Algorithm { get; init; } = ZFileAlgorithm.Zstd;

    /// <summary>Threads that compress.</summary>
    public int Jobs { get; init; } = Environment.ProcessorCount;

    /// <summary>Comment of the history entry.</summary>
    public string? Message { get; init; }

    public string? Author { get; init; }

    /// <summary>What the history says of the step.</summary>
    public string CreatedBy { get; init; } = "sluice commit";

    /// <summary>When the image and the history entry were made; null keeps the time of the image and says none in the history.</summary>
    public DateTimeOffset? Created { get; init; }

    internal ZFileOptions ZFile => new() { Algorithm = Algorithm, BlockSize = BlockSize };

    /// <summary>What decides the bytes of a layer besides its content and the layers below; changes when the writer does.</summary>
    internal string Fingerprint => $"commit/1 {BlockSize} {Algorithm}";
}
