using System.Text;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Build.Convert;

/// <summary>What a block layer says that it is, and over which one it lies.</summary>
/// <param name="Uuid">The first 32 hex digits of the chain id of the layers up to this one, in the groups of a UUID, as overlaybd's converter has it.</param>
/// <param name="ParentUuid">The same of the layer below.</param>
internal sealed record LayerIdentity(string Uuid, string ParentUuid)
{
    /// <summary>Of the layers with these diff ids, lowest first. Chain ids: OCI image-spec 1.1, config.md, "Layer ChainID".</summary>
    public static IReadOnlyList<LayerIdentity> All(IReadOnlyList<Digest> diffIds)
    {
        var identities = new List<LayerIdentity>(diffIds.Count);
        Digest chain = default;
        string parent = LsmtHeader.NoUuid;
        foreach (Digest diffId in diffIds)
        {
            chain = chain.IsEmpty ? diffId : Digest.Sha256(Encoding.ASCII.GetBytes($"{chain} {diffId}"));
            string uuid = ToUuid(chain.Hex);
            identities.Add(new LayerIdentity(uuid, parent));
            parent = uuid;
        }

        return identities;
    }

    /// <param name="hex">At least 32 digits; those behind don't count.</param>
    public static string ToUuid(string hex) => $"{hex[..8]}-{hex[8..12]}-{hex[12..16]}-{hex[16..20]}-{hex[20..32]}";
}
