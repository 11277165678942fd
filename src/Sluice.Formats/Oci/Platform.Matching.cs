using System.Globalization;
using System.Runtime.InteropServices;

namespace Sluice.Formats.Oci;

/// <content>
/// Parsing, normalising and matching as containerd's platforms package does it: <c>arm64</c> runs <c>arm/v8</c> down to
/// <c>arm/v5</c>, <c>amd64/v3</c> runs <c>v2</c>, <c>v1</c> and 386.
/// </content>
public sealed partial record Platform
{
    /// <summary>The platform of this machine.</summary>
    public static Platform Host { get; } = new()
    {
        Os = "linux",
        Architecture = RuntimeInformation.OSArchitecture switch
        {
            System.Runtime.InteropServices.Architecture.X64 => "amd64",
            System.Runtime.InteropServices.Architecture.X86 => "386",
            System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
            System.Runtime.InteropServices.Architecture.Arm => "arm",
            System.Runtime.InteropServices.Architecture.LoongArch64 => "loong64",
            var other => other.ToString().ToLowerInvariant(),
        },
        Variant = RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm ? "v7" : null,
    };

    /// <summary>Parses <c>os/architecture[/variant]</c>, e.g. <c>linux/arm/v7</c>; common other spellings (<c>x86_64</c>, <c>aarch64</c>) too.</summary>
    /// <exception cref="SluiceException"><see cref="SluiceError.Usage"/>: not of this form.</exception>
    public static Platform Parse(string text)
    {
        string[] parts = text.Split('/');
        if (parts.Length is < 2 or > 3 || parts.Any(part => part.Length is 0 or > 64 || part.AsSpan().ContainsAnyExcept(Letters)))
        {
            throw new SluiceException(SluiceError.Usage, $"platform '{text}'", "is not of the form os/architecture[/variant]", "for example linux/amd64 or linux/arm/v7");
        }

        return new Platform { Os = parts[0], Architecture = parts[1], Variant = parts.Length == 3 ? parts[2] : null }.Normalize();
    }

    /// <summary>Brings the different spellings of one platform to one form.</summary>
    public Platform Normalize()
    {
        string architecture = Architecture.ToLowerInvariant();
        string variant = (Variant ?? "").ToLowerInvariant();
        (architecture, variant) = architecture switch
        {
            "i386" => ("386", ""),
            "x86_64" or "x86-64" or "amd64" => ("amd64", variant == "v1" ? "" : variant),
            "aarch64" or "arm64" => ("arm64", variant is "8" or "v8" ? "" : variant),
            "armhf" => ("arm", "v7"),
            "armel" => ("arm", "v6"),
            "arm" => ("arm", variant switch { "" => "v7", "5" or "6" or "7" or "8" => "v" + variant, _ => variant }),
            _ => (architecture, variant),
        };
        string os = Os.ToLowerInvariant();
        return this with { Os = os == "macos" ? "darwin" : os, Architecture = architecture, Variant = variant.Length == 0 ? null : variant };
    }

    /// <summary>How well an image for <paramref name="offered"/> runs on this platform: 0 is an exact match, larger is worse, -1 does not run.</summary>
    public int Rank(Platform offered)
    {
        Platform theirs = offered.Normalize();
        int rank = 0;
        foreach ((string architecture, string? variant) in Runnable(Normalize()))
        {
            if (theirs.Architecture == architecture && theirs.Variant == variant) return string.Equals(theirs.Os, Os, StringComparison.OrdinalIgnoreCase) ? rank : -1;
            rank++;
        }

        return -1;
    }

    private const string Letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

    private static IEnumerable<(string Architecture, string? Variant)> Runnable(Platform machine)
    {
        yield return (machine.Architecture, machine.Variant);
        switch (machine.Architecture)
        {
            case "amd64":
                for (int version = Version(machine.Variant) - 1; version > 1; version--) yield return ("amd64", $"v{version}");
                if (machine.Variant is not null) yield return ("amd64", null);
                yield return ("386", null);
                break;
            case "arm":
                for (int version = Version(machine.Variant) - 1; version >= 5; version--) yield return ("arm", $"v{version}");
                break;
            case "arm64":
                if (machine.Variant is not null) yield return ("arm64", null);
                for (int version = 8; version >= 5; version--) yield return ("arm", $"v{version}");
                break;
        }
    }

    /// <summary>The number of <c>v3</c>; 0 for what is not such a variant or beyond any that exists.</summary>
    private static int Version(string? variant) =>
        variant is ['v', .. var digits] && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int version) && version < 100 ? version : 0;
}
