using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Build.Convert;

/// <summary>What a block layer says that it is, and over which one it lies: see <see cref="LayerUuids"/>.</summary>
internal sealed record LayerIdentity(string Uuid, string ParentUuid)
{
    /// <summary>Of the layers with these diff ids, lowest first.</summary>
    public static IReadOnlyList<LayerIdentity> All(IReadOnlyList<Digest> diffIds)
    {
        IReadOnlyList<string> uuids = LayerUuids.Of(diffIds);
        return [.. uuids.Select((uuid, i) => new LayerIdentity(uuid, i == 0 ? LsmtHeader.NoUuid : uuids[i - 1]))];
    }
}
