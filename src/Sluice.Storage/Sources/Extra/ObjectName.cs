using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Extra;

/// <summary>The name of a blob among files or objects.</summary>
internal static class ObjectName
{
    /// <summary>Digests consist of letters, digits and a colon that is left out: a name can't lead elsewhere.</summary>
    public static string Of(string template, Digest blob) => template
        .Replace("{algorithm}", blob.Algorithm, StringComparison.Ordinal)
        .Replace("{hex2}", blob.Hex[..2], StringComparison.Ordinal)
        .Replace("{hex}", blob.Hex, StringComparison.Ordinal);

    /// <summary>Each part of a path as addresses and signatures have it: everything but letters, digits and <c>-._~</c> escaped.</summary>
    public static string Escape(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
}
