using System.Text.RegularExpressions;

namespace Sluice.Formats.Oci;

/// <content>Parsing.</content>
public sealed partial record ImageReference
{
    private const string Forms = "accepted are docker://host[:port]/repository[:tag][@digest], oci:DIRECTORY[:tag], oci-archive:FILE[:tag] and overlaybd:FILE";
    private const int MaximumName = 255;
    private const int MaximumText = 5000;

    /// <exception cref="SluiceException"><see cref="SluiceError.Usage"/>: says what is wrong and which forms exist.</exception>
    public static ImageReference Parse(string text)
    {
        if (string.IsNullOrWhiteSpace(text)) throw Wrong(text, "is empty");
        if (text.Length > MaximumText) throw Wrong(text, $"is longer than {MaximumText} characters");
        if (text.StartsWith("oci:", StringComparison.Ordinal)) return ParsePath(text, text[4..], ImageTransport.Layout);
        if (text.StartsWith("oci-archive:", StringComparison.Ordinal)) return ParsePath(text, text[12..], ImageTransport.Archive);
        if (text.StartsWith("overlaybd:", StringComparison.Ordinal)) return ParseDevice(text, text[10..]);
        if (text.StartsWith("docker://", StringComparison.Ordinal)) return ParseRegistry(text, text[9..]);
        if (text.StartsWith("docker-archive:", StringComparison.Ordinal) || text.StartsWith("docker-daemon:", StringComparison.Ordinal)
            || text.StartsWith("containers-storage:", StringComparison.Ordinal) || text.StartsWith("dir:", StringComparison.Ordinal))
        {
            throw Wrong(text, "has a transport that Sluice does not speak; skopeo can copy it to an oci: layout");
        }

        return text.Contains("://", StringComparison.Ordinal) ? throw Wrong(text, "is a URL, not an image name") : ParseRegistry(text, text);
    }

    private static ImageReference ParsePath(string text, string rest, ImageTransport transport)
    {
        Digest? digest = TakeDigest(text, ref rest);
        int colon = rest.IndexOf(':', StringComparison.Ordinal);
        string path = colon < 0 ? rest : rest[..colon];
        if (path.Length == 0) throw Wrong(text, transport == ImageTransport.Layout ? "has no directory" : "has no file");
        if (path.Contains('\0', StringComparison.Ordinal)) throw Wrong(text, "has a NUL byte in its path");
        string? tag = colon < 0 ? null : rest[(colon + 1)..];
        if (tag is { Length: 0 }) throw Wrong(text, "has an empty tag");
        return new ImageReference { Transport = transport, Path = path, Tag = tag ?? (digest is null ? "" : null), Digest = digest };
    }

    private static ImageReference ParseDevice(string text, string path)
    {
        if (path.Length == 0) throw Wrong(text, "has no file");
        if (path.Contains('\0', StringComparison.Ordinal)) throw Wrong(text, "has a NUL byte in its path");
        return new ImageReference { Transport = ImageTransport.Device, Path = path, Tag = "" };
    }

    private static ImageReference ParseRegistry(string text, string rest)
    {
        Digest? digest = TakeDigest(text, ref rest);
        string? tag = null;
        int colon = rest.LastIndexOf(':');
        int slash = rest.LastIndexOf('/');
        if (colon > slash)
        {
            tag = rest[(colon + 1)..];
            rest = rest[..colon];
            if (!TagPattern().IsMatch(tag)) throw Wrong(text, tag.Length == 0 ? "has an empty tag" : $"has the bad tag '{tag}'");
        }

        (string host, string repository) = SplitHost(rest);
        if (host is "index.docker.io") host = "docker.io";
        if (host is "docker.io" && !repository.Contains('/', StringComparison.Ordinal)) repository = "library/" + repository;
        if (!HostPattern().IsMatch(host)) throw Wrong(text, $"has the bad registry host '{host}'");
        if (repository is "" or "library/") throw Wrong(text, "has no repository");
        if (repository.Length + host.Length > MaximumName) throw Wrong(text, $"is longer than {MaximumName} characters");
        if (!RepositoryPattern().IsMatch(repository))
        {
            string reason = repository.Any(char.IsAsciiLetterUpper) ? "; repositories are lower-case" : "";
            throw Wrong(text, $"has the bad repository '{repository}'{reason}");
        }

        return new ImageReference { Transport = ImageTransport.Registry, Host = host, Repository = repository, Tag = tag ?? (digest is null ? "latest" : null), Digest = digest };
    }

    /// <summary>The first part is a host if it looks like one: it has a dot, a port, or is <c>localhost</c>.</summary>
    private static (string Host, string Repository) SplitHost(string name)
    {
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0) return ("docker.io", name);
        string first = name[..slash];
        bool isHost = first.Contains('.', StringComparison.Ordinal) || first.Contains(':', StringComparison.Ordinal)
            || first is "localhost" or "" || first.Any(char.IsAsciiLetterUpper);
        return isHost ? (first, name[(slash + 1)..]) : ("docker.io", name);
    }

    private static Digest? TakeDigest(string text, ref string rest)
    {
        int at = rest.LastIndexOf("@sha", StringComparison.Ordinal);
        if (at < 0) return null;
        string digest = rest[(at + 1)..];
        rest = rest[..at];
        return Oci.Digest.TryParse(digest, out Digest parsed) ? parsed : throw Wrong(text, $"has the bad digest '{digest}'");
    }

    private static SluiceException Wrong(string text, string what) =>
        new(SluiceError.Usage, $"image name '{(text.Length > 300 ? text[..300] + "…" : text)}'", what, Forms);

    [GeneratedRegex(@"^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?\z")]
    private static partial Regex HostPattern();

    [GeneratedRegex(@"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\z")]
    private static partial Regex RepositoryPattern();

    [GeneratedRegex(@"^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}\z")]
    private static partial Regex TagPattern();
}
