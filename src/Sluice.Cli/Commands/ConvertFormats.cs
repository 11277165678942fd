using System.CommandLine;
using System.CommandLine.Parsing;
using Sluice.Build.Convert;
using Sluice.Formats;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Cli.Commands;

/// <summary>The options of <c>sluice convert</c> that depend on the format. One that the format doesn't have is an error.</summary>
internal sealed class ConvertFormats
{
    private readonly Option<string> _format = new("--format") { Description = "rafs or overlaybd", DefaultValueFactory = _ => "rafs" };
    private readonly Option<string?> _compressor = new("--compressor") { Description = "rafs: zstd (default), lz4_block or none; overlaybd: zstd (default) or lz4" };
    private readonly Option<int> _level = new("--level") { Description = "rafs: zstd level, 1 to 19; with --trace the chunks of the start have 15 at least", DefaultValueFactory = _ => 3 };
    private readonly Option<string?> _chunkSize = new("--chunk-size") { Description = "rafs: a power of two from 4KiB to 16MiB (default 256KiB)" };
    private readonly Option<string> _digester = new("--digester") { Description = "rafs: blake3 or sha256", DefaultValueFactory = _ => "blake3" };
    private readonly Option<string?> _virtualSize = new("--vsize") { Description = "overlaybd: size of the device (default 64GiB)" };
    private readonly Option<string?> _blockSize = new("--block-size") { Description = "overlaybd: a power of two from 4KiB to 64KiB; default 16KiB with zstd, 4KiB with lz4" };
    private readonly Option<string?> _baseLayer = new("--base-layer") { Description = "overlaybd: an OverlayBD image, or overlaybd:FILE, whose lowest layer is put below the image, as it is" };
    private readonly Option<bool> _flatten = new("--flatten") { Description = "overlaybd: one layer for the whole image" };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_format, _compressor, _level, _chunkSize, _digester, _virtualSize, _blockSize, _baseLayer, _flatten]) command.Options.Add(option);
    }

    /// <summary>The image that has the base layer, if one was asked for.</summary>
    public ImageReference? BaseLayer(ParseResult parsed) => parsed.GetValue(_baseLayer) is { } name ? ImageReference.Parse(name) : null;

    /// <exception cref="SluiceException"><see cref="SluiceError.Usage"/>.</exception>
    public ConvertOptions Apply(ParseResult parsed, ConvertOptions options)
    {
        switch (parsed.GetValue(_format))
        {
            case "rafs":
                Refuse(parsed, "rafs", _virtualSize, _blockSize, _baseLayer, _flatten);
                return ApplyRafs(parsed, options);
            case "overlaybd":
                Refuse(parsed, "overlaybd", _level, _chunkSize, _digester);
                return options with { Block = ReadBlock(parsed) };
            case var other:
                throw new SluiceException(SluiceError.Usage, "--format", $"'{other}' is not known", "choose rafs or overlaybd");
        }
    }

    private ConvertOptions ApplyRafs(ParseResult parsed, ConvertOptions options)
    {
        options = options with
        {
            Compressor = ParseCompressor(parsed.GetValue(_compressor) ?? "zstd"),
            Level = parsed.GetValue(_level),
            Digester = ParseDigester(parsed.GetValue(_digester)!),
        };
        return parsed.GetValue(_chunkSize) is { } size ? options with { ChunkSize = ImageOptions.ParseSize("--chunk-size", size) } : options;
    }

    private BlockImageOptions ReadBlock(ParseResult parsed)
    {
        ZFileAlgorithm algorithm = ParseAlgorithm(parsed.GetValue(_compressor) ?? "zstd");
        var options = new BlockImageOptions { Algorithm = algorithm, BlockSize = BlockImageOptions.DefaultBlockSize(algorithm), Flatten = parsed.GetValue(_flatten) };
        if (parsed.GetValue(_baseLayer) is not null && parsed.GetResult(_virtualSize) is { Implicit: false })
            throw new SluiceException(SluiceError.Usage, _virtualSize.Name, "has no meaning with --base-layer: the device has the size that the base layer gives it");
        if (parsed.GetValue(_virtualSize) is { } size) options = options with { VirtualSize = ImageOptions.ParseLargeSize("--vsize", size) };
        return parsed.GetValue(_blockSize) is { } block ? options with { BlockSize = ImageOptions.ParseSize("--block-size", block) } : options;
    }

    private static void Refuse(ParseResult parsed, string format, params Option[] options)
    {
        foreach (Option option in options)
        {
            if (parsed.GetResult(option) is { Implicit: false }) throw new SluiceException(SluiceError.Usage, option.Name, $"has no meaning for the format {format}", "see sluice convert --help");
        }
    }

    private static ZFileAlgorithm ParseAlgorithm(string text) => text switch
    {
        "lz4" => ZFileAlgorithm.Lz4,
        "zstd" => ZFileAlgorithm.Zstd,
        _ => throw new SluiceException(SluiceError.Usage, "--compressor", $"'{text}' is not known to overlaybd", "choose lz4 or zstd"),
    };

    private static Compressor ParseCompressor(string text) => text switch
    {
        "zstd" => Compressor.Zstd,
        "lz4_block" or "lz4" => Compressor.Lz4Block,
        "none" => Compressor.None,
        _ => throw new SluiceException(SluiceError.Usage, "--compressor", $"'{text}' is not known to rafs", "choose zstd, lz4_block or none"),
    };

    private static DigestAlgorithm ParseDigester(string text) => text switch
    {
        "blake3" => DigestAlgorithm.Blake3,
        "sha256" => DigestAlgorithm.Sha256,
        _ => throw new SluiceException(SluiceError.Usage, "--digester", $"'{text}' is not known", "choose blake3 or sha256"),
    };
}
