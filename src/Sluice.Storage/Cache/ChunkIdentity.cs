using System.Runtime.InteropServices;
using Sluice.Formats.Hashing;

namespace Sluice.Storage.Cache;

/// <summary>What a chunk number of a blob stands for: where the chunk lies in the blob space, in bytes, and what it is checked against. 48 bytes.</summary>
/// <param name="Digest">As <see cref="IBlobFormat.GetIdentity"/>.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct ChunkIdentity(int Number, int Length, long Offset, ChunkDigest Digest)
{
    public ChunkExtent Extent => new(Offset, Length, Number);

    public static ChunkIdentity Of(IBlobFormat format, int slot)
    {
        ChunkExtent extent = format.GetExtent(slot);
        return new ChunkIdentity(extent.Number, extent.Length, extent.Offset, format.GetIdentity(slot));
    }
}
