using Sluice.Build.OverlayBd;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Build.Convert;

/// <summary>Writes a layer again without the data that its later part replaced, in the order of the device.</summary>
internal static class BlockLayerCompaction
{
    /// <param name="options">What the layer says of itself; null: the same as it did.</param>
    public static void Run(PackedBlockLayer layer, Stream output, LsmtLayerOptions? options = null)
    {
        using var content = new ScratchZFile(layer.File, layer.Trailer);
        byte[] bytes = new byte[LsmtHeader.Size];
        content.Read(content.Length - bytes.Length, bytes);
        LsmtHeader trailer = LsmtHeader.Read(bytes);
        (long offset, int length) = LsmtIndexReader.GetRange(trailer, content.Length);
        byte[] index = new byte[length];
        content.Read(offset, index);
        options ??= new LsmtLayerOptions { VirtualSize = trailer.VirtualSize, Uuid = trailer.Uuid, ParentUuid = trailer.ParentUuid };
        LsmtCommit.Write(LsmtIndexReader.Read(trailer, index), (_, sector, data) => content.Read(sector * LsmtExtent.SectorSize, data), output, options);
    }
}
