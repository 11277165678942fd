using System.Text;

namespace Sluice.Formats.Oci;

/// <summary>Names of stacks of layers. Source: OCI image-spec 1.1, config.md, "Layer ChainID".</summary>
public static class ChainId
{
    /// <summary>The chain id of every prefix of the stack, lowest layer first.</summary>
    public static IReadOnlyList<Digest> All(IEnumerable<Digest> diffIds)
    {
        List<Digest> chain = [];
        foreach (Digest diffId in diffIds) chain.Add(Above(chain.Count == 0 ? default : chain[^1], diffId));
        return chain;
    }

    /// <summary>The chain id of a layer on top of others.</summary>
    /// <param name="below">Their chain id; empty for none.</param>
    public static Digest Above(Digest below, Digest diffId) => Above(below.ToString(), diffId);

    /// <inheritdoc cref="Above(Digest, Digest)"/>
    public static Digest Above(string below, Digest diffId) => below.Length == 0 ? diffId : Digest.Sha256(Encoding.ASCII.GetBytes($"{below} {diffId}"));
}
