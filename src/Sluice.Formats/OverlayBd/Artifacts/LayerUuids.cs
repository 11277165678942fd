using Sluice.Formats.Oci;

namespace Sluice.Formats.OverlayBd.Artifacts;

/// <summary>
/// The UUIDs of block layers by the convention of overlaybd's converter: the first 32 hex digits of the chain id of the layers up to this
/// one, in the groups of a UUID.
/// </summary>
public static class LayerUuids
{
    /// <summary>Of the layers with these diff ids, lowest first.</summary>
    public static IReadOnlyList<string> Of(IEnumerable<Digest> diffIds) => [.. ChainId.All(diffIds).Select(chain => ToUuid(chain.Hex))];

    private static string ToUuid(string hex) => $"{hex[..8]}-{hex[8..12]}-{hex[12..16]}-{hex[16..20]}-{hex[20..32]}";
}
