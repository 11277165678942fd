using System.CommandLine;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Cli.Commands;

/// <summary>Options that every command with image names has.</summary>
internal sealed class ImageOptions
{
    private readonly Option<bool> _plainHttp = new("--plain-http") { Description = "Speak http to registries (loopback hosts are reached over http anyway)" };
    private readonly Option<bool> _skipTlsVerify = new("--skip-tls-verify") { Description = "Accept any certificate from registries" };
    private readonly Option<string?> _hostsDirectory = new("--hosts-dir") { Description = "Directory with HOST/hosts.toml, as containerd has it (default /etc/containerd/certs.d)" };
    private readonly Option<string?> _authFile = new("--authfile") { Description = "Credentials (default $REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json, ~/.docker/config.json)" };

    public void AddTo(Command command)
    {
        command.Options.Add(_plainHttp);
        command.Options.Add(_skipTlsVerify);
        command.Options.Add(_hostsDirectory);
        command.Options.Add(_authFile);
    }

    public SourceOptions Read(ParseResult parsed) => Apply(parsed, new SourceOptions());

    /// <summary>What was said on the command line, over <paramref name="configured"/>.</summary>
    public SourceOptions Apply(ParseResult parsed, SourceOptions configured)
    {
        SourceOptions options = configured with
        {
            PlainHttp = configured.PlainHttp || parsed.GetValue(_plainHttp),
            SkipTlsVerify = configured.SkipTlsVerify || parsed.GetValue(_skipTlsVerify),
            AuthFile = parsed.GetValue(_authFile) ?? configured.AuthFile,
        };
        return parsed.GetValue(_hostsDirectory) is { } directory ? options with { HostDirectories = [directory] } : options;
    }

    public static Option<string?> PlatformOption() => new("--platform") { Description = "os/architecture[/variant] to choose from an index (default: this machine's)" };

    public static Platform? ParsePlatform(string? text) => text is null ? null : Platform.Parse(text);

    /// <summary>Parses sizes as people write them: 65536, 0x10000, 64k, 1M, 1MiB, 64GiB.</summary>
    /// <exception cref="SluiceException"><see cref="SluiceError.Usage"/>.</exception>
    public static int ParseSize(string option, string text) =>
        ParseLargeSize(option, text) is var size and <= int.MaxValue ? (int)size : throw NoSize(option, text);

    /// <inheritdoc cref="ParseSize"/>
    public static long ParseLargeSize(string option, string text)
    {
        string digits = text.Trim();
        int shift = 0;
        foreach ((string suffix, int bits) in (ReadOnlySpan<(string, int)>)[("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("k", 10), ("K", 10), ("m", 20), ("M", 20), ("g", 30), ("G", 30), ("T", 40)])
        {
            if (!digits.EndsWith(suffix, StringComparison.Ordinal)) continue;
            (digits, shift) = (digits[..^suffix.Length], bits);
            break;
        }

        bool parsed = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? long.TryParse(digits.AsSpan(2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out long number)
            : long.TryParse(digits, System.Globalization.NumberStyles.None, null, out number);
        return parsed && number >= 0 && number <= long.MaxValue >> shift ? number << shift : throw NoSize(option, text);
    }

    private static SluiceException NoSize(string option, string text) => new(SluiceError.Usage, option, $"'{text}' is not a size", "write it as 65536, 64KiB or 1MiB");
}
