using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Storage.Images;

/// <summary>What must be known of a block layer to read any part of it.</summary>
/// <param name="Size">Bytes of the blob.</param>
/// <param name="PayloadOffset">Bytes of the blob in front of the ZFile or LSMT file.</param>
/// <param name="Length">Bytes of the LSMT file, uncompressed.</param>
/// <param name="ZFile">Its blocks; null if the LSMT file is stored plainly.</param>
public sealed record BlockStackLayer(Digest Blob, long Size, int PayloadOffset, long Length, ZFileIndex? ZFile)
{
    /// <summary>True if every part of the blob has a checksum. The others have nothing but the blob's digest.</summary>
    public bool IsChecked => ZFile is { Codec.HasChecksums: true };

    /// <summary>Shares the jump table.</summary>
    internal static BlockStackLayer Of(RemoteBlockLayer remote) =>
        new(remote.Descriptor.Digest, remote.Descriptor.Size, remote.Layer.PayloadOffset, remote.Layer.Length, remote.Layer.ZFile);
}
