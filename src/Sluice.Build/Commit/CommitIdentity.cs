using System.Security.Cryptography;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Build.Commit;

/// <summary>
/// What a new layer says that it is. A converter takes UUIDs from the chain ids of the ordinary layers; here there are none, and the
/// layer's own digest depends on its UUID. So the digest of the layer with neither UUID in it stands for it in the chain id.
/// </summary>
internal static class CommitIdentity
{
    /// <param name="chain">Chain id of the layers below, by the configuration's diff ids.</param>
    /// <param name="parent">UUID of the layer below.</param>
    public static LsmtLayerOptions Of(CommitLayer layer, Digest chain, string parent, long virtualSize)
    {
        using var hash = new HashStream();
        var options = new LsmtLayerOptions { VirtualSize = virtualSize };
        layer.Write(hash, options);
        Digest own = ChainId.Above(chain, hash.Digest());
        return options with { Uuid = LayerUuids.Of([own])[0], ParentUuid = parent };
    }

    private sealed class HashStream : OutputStream
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public override void Write(ReadOnlySpan<byte> buffer) => _hash.AppendData(buffer);

        public Digest Digest() => Formats.Oci.Digest.FromSha256(_hash.GetHashAndReset());

        protected override void Dispose(bool disposing)
        {
            if (disposing) _hash.Dispose();
            base.Dispose(disposing);
        }
    }
}
