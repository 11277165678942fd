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
            chain.Add(chain.Count == 0 ? diffId : Digest.Sha256(Encoding.ASCII.GetBytes($"{chain[^1]} {diffId}")));
        }

        return chain;
    }
}
