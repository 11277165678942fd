using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.Tests.OverlayBd;

/// <summary>A sealed LSMT file in memory.</summary>
internal sealed class LsmtFile
{
    public LsmtFile(byte[] bytes, bool warp = false)
    {
        Bytes = bytes;
        Trailer = LsmtHeader.Read(bytes.AsSpan(^Math.Min(LsmtHeader.Size, bytes.Length)..));
        (long offset, int length) = LsmtIndexReader.GetRange(Trailer, bytes.Length);
        Extents = LsmtIndexReader.Read(Trailer, bytes.AsSpan((int)offset, length), warp);
    }

    public byte[] Bytes { get; }

    public LsmtHeader Trailer { get; }

    public LsmtExtent[] Extents { get; }

    public LsmtLayerOptions Options => new()
    {
        VirtualSize = Trailer.VirtualSize,
        Uuid = Trailer.Uuid,
        ParentUuid = Trailer.ParentUuid,
        UserTag = Trailer.UserTag,
        DetectZeros = false,
    };

    public void ReadSectors(byte layer, long sector, Span<byte> data) => Bytes.AsSpan((int)sector * 512, data.Length).CopyTo(data);

    /// <summary>Writes the layer over a device.</summary>
    public void Apply(byte[] device)
    {
        foreach (LsmtExtent extent in Extents)
        {
            Span<byte> target = device.AsSpan((int)(extent.Offset * 512), extent.Length * 512);
            if (extent.IsZeroed) target.Clear();
            else ReadSectors(0, extent.MappedOffset, target);
        }
    }
}
