using Sluice.Formats.Oci;

namespace Sluice.Node.Images;

/// <summary>What containerd calls images.</summary>
internal static class ContainerdNames
{
    /// <summary>HOST/REPO:TAG, HOST/REPO@DIGEST, or both.</summary>
    public static string Of(ImageReference reference) =>
        reference.Name + (reference.Tag is { Length: > 0 } tag ? ":" + tag : "") + (reference.Digest is { } digest ? "@" + digest : "");
}
