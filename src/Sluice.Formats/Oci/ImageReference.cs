namespace Sluice.Formats.Oci;

/// <summary>
/// The name of an image with its transport: <c>docker://host[:port]/repository[:tag][@digest]</c> (the prefix may be missing),
/// <c>oci:DIRECTORY[:tag]</c> or <c>oci-archive:FILE[:tag]</c> (both also with <c>@digest</c>), or <c>overlaybd:FILE</c>. Source: distribution/reference.
/// </summary>
public sealed partial record ImageReference
{
    public required ImageTransport Transport { get; init; }

    /// <summary>Registry host with port, <c>docker.io</c> for Docker's own; empty for layouts and archives.</summary>
    public string Host { get; init; } = "";

    /// <summary>Repository in the registry, e.g. <c>library/alpine</c>; empty for layouts and archives.</summary>
    public string Repository { get; init; } = "";

    /// <summary>Directory or file of a layout, archive or device configuration, as it was given; empty for registries.</summary>
    public string Path { get; init; } = "";

    /// <summary>
    /// <c>latest</c> if a registry name has neither tag nor digest; empty for a layout or archive without tag and digest,
    /// which means its only or its untagged image; null if only a digest is given.
    /// </summary>
    public string? Tag { get; init; }

    /// <summary>The digest, which wins over the tag.</summary>
    public Digest? Digest { get; init; }

    /// <summary>What to give to <c>GetManifestAsync</c> of the store.</summary>
    public string TagOrDigest => Digest?.ToString() ?? Tag ?? "";

    /// <summary>The name of the image without tag and digest.</summary>
    public string Name => Transport switch
    {
        ImageTransport.Layout => $"oci:{Path}",
        ImageTransport.Archive => $"oci-archive:{Path}",
        ImageTransport.Device => $"overlaybd:{Path}",
        _ => $"{Host}/{Repository}",
    };

    /// <summary>The complete name. <see cref="Parse"/> of it gives the same reference.</summary>
    public override string ToString() =>
        (Transport == ImageTransport.Registry ? "docker://" : "") + Name + (string.IsNullOrEmpty(Tag) ? "" : $":{Tag}") + (Digest is null ? "" : $"@{Digest}");
}
