using System.Text;
using Sluice.Formats.Oci;

namespace Sluice.Containerd.Client;

/// <summary>Names of stacks of layers. Source: OCI image-spec 1.1, config.md, "Layer ChainID".</summary>
public static class ChainId
{
    /// <summary>The chain id of every prefix of the stack, bottom first.</summary>
    public static IReadOnlyList<Digest> All(IEnumerable<Digest> diffIds)
    {
        List<Digest> chain = [];
        foreach (Digest diffId in diffIds)
        {
            chain.Add(Digest.Parse(Above(chain.Count == 0 ? "" : chain[^1].ToString(), diffId)));
        }

        return chain;
    }

    /// <summary>The chain id of a layer on top of others.</summary>
    /// <param name="below">Their chain id; empty for none.</param>
    public static string Above(string below, Digest diffId) => below.Length == 0 ? diffId.ToString() : Digest.Sha256(Encoding.ASCII.GetBytes($"{below} {diffId}")).ToString();
}
