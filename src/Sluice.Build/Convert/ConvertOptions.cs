using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;

namespace Sluice.Build.Convert;

/// <summary>How an image is converted. Two conversions with equal options make equal bytes, whatever <see cref="Jobs"/> is.</summary>
public sealed record ConvertOptions
{
    /// <summary>Make an OverlayBD image, and how; null: a RAFS image, which is what the options up to <see cref="Digester"/> are for.</summary>
    public BlockImageOptions? Block { get; init; }

    /// <summary>Bytes of a chunk: a power of two, 4 KiB to 16 MiB. The default is measured: docs/performance.md.</summary>
    public int ChunkSize { get; init; } = 256 << 10;

    public Compressor Compressor { get; init; } = Compressor.Zstd;

    /// <summary>zstd level, 1 to 19.</summary>
    public int Level { get; init; } = 3;

    public DigestAlgorithm Digester { get; init; } = DigestAlgorithm.Blake3;

    /// <summary>Threads that compress.</summary>
    public int Jobs { get; init; } = Environment.ProcessorCount;

    /// <summary>Which image of an index to convert; the machine's own when null and not <see cref="AllPlatforms"/>.</summary>
    public Platform? Platform { get; init; }

    /// <summary>Convert every image of an index and write an index.</summary>
    public bool AllPlatforms { get; init; }

    /// <summary>Take layers that the destination has from an earlier conversion with the same options.</summary>
    public bool Reuse { get; init; } = true;

    /// <summary>What a start of the image needs, for its layout.</summary>
    public ConvertTrace Start { get; init; } = ConvertTrace.None;

    /// <summary>What decides the bytes of a blob besides its layers; changes when the writer does.</summary>
    internal string Fingerprint => Block?.Fingerprint ?? $"rafs6/1 {ChunkSize} {Compressor} {Level} {Digester}{Start.Fingerprint(Compressor)}";
}
