using Sluice.Formats.Oci;

namespace Sluice.Formats.Tests.Oci;

public sealed class ChainIdTests
{
    [Fact]
    public void A_chain_id_hashes_the_chain_below_and_the_layer()
    {
        // printf '%s %s' A B | sha256sum
        Digest a = Digest.Sha256("a"u8);
        Digest b = Digest.Sha256("b"u8);
        IReadOnlyList<Digest> chain = ChainId.All([a, b]);
        Assert.Equal(a, chain[0]);
        Assert.Equal("sha256:51c0c8ace48498d6f5fee6b0592cc06f2da0f3cbe09c5a34a97dce85c3889676", chain[1].ToString());
        Assert.Empty(ChainId.All([]));
    }
}
