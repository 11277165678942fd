using Sluice.Formats.Oci;

namespace Sluice.Containerd.Client;

/// <summary>A document of an image exactly as the registry delivered it, and its media type.</summary>
public sealed record ImageDocument(string MediaType, ReadOnlyMemory<byte> Content)
{
    public Digest Digest { get; } = Digest.Sha256(Content.Span);

    public Descriptor ToDescriptor() => new() { MediaType = MediaType, Digest = Digest, Size = Content.Length };
}

/// <summary>One layer, bottom first in a list of them.</summary>
/// <param name="Annotations">Those of the manifest. The ones that begin with <c>containerd.io/snapshot/</c> become labels of the snapshot.</param>
/// <param name="DiffId">From the configuration's <c>rootfs.diff_ids</c>.</param>
public sealed record LayerToRegister(Digest Digest, Digest DiffId, IReadOnlyDictionary<string, string> Annotations);

/// <summary>Everything that containerd must know to run an image whose layers it does not have.</summary>
public sealed record ImageToRegister
{
    /// <summary>Full name as containerd writes it: <c>docker.io/library/busybox:latest</c>, <c>10.0.0.1:5000/app:v1</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The index through which the manifest was found, or null. The image record points to it, as containerd's own pull does.</summary>
    public ImageDocument? Index { get; init; }

    public required ImageDocument Manifest { get; init; }

    public required ImageDocument Config { get; init; }

    public required IReadOnlyList<LayerToRegister> Layers { get; init; }

    /// <summary>Name of the snapshotter in containerd's configuration.</summary>
    public required string Snapshotter { get; init; }

    /// <summary>Labels of the image record.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
