using System.Text;
using Sluice.Formats.Oci;

namespace Sluice.Formats.OverlayBd.Artifacts;

/// <summary>
/// The UUIDs of block layers by the convention of overlaybd's converter: the first 32 hex digits of the chain id of the layers up to this
/// one, in the groups of a UUID. Chain ids: OCI image-spec 1.1, config.md, "Layer ChainID".
/// </summary>
public static class LayerUuids
{
    /// <summary>Of the layers with these diff ids, lowest first.</summary>
    public static IReadOnlyList<string> Of(IEnumerable<Digest> diffIds)
    {
        List<string> uuids = [];
        Digest chain = default;
        foreach (Digest diffId in diffIds)
        {
            chain = chain.IsEmpty ? diffId : Digest.Sha256(Encoding.ASCII.GetBytes($"{chain} {diffId}"));
            uuids.Add(ToUuid(chain.Hex));
        }

        return uuids;
    }

    /// <param name="hex">At least 32 digits; those behind don't count.</param>
    public static string ToUuid(string hex) => $"{hex[..8]}-{hex[8..12]}-{hex[12..16]}-{hex[16..20]}-{hex[20..32]}";
}
