namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>Reads sectors that extents are mapped to.</summary>
/// <param name="layer">Of the extent.</param>
/// <param name="mappedSector">Position in that layer's file.</param>
/// <param name="data">To be filled as a whole.</param>
public delegate void LsmtDataReader(byte layer, long mappedSector, Span<byte> data);

/// <summary>Makes committed layers of extents: of one writable layer, or of a whole stack that is to become one layer.</summary>
public static class LsmtCommit
{
    /// <summary>Extents that fit a layer without zeros looked for in them; the rest is for padding.</summary>
    public const int MaxExtents = LsmtLimits.MaxEntries - 512;

    /// <summary>Extents that fit a layer whatever zeros are found in them: the writer stops looking when it has made half of a layer's entries.</summary>
    public const int MaxExtentsWithZeros = (LsmtLimits.MaxEntries / 2) - 512;

    private const int BufferSize = 256 << 10;

    /// <summary>Copies all data of the extents into a new layer, in the order of the device.</summary>
    /// <param name="extents">In order, without overlaps.</param>
    /// <param name="read">Called with at most 256 KiB at a time. For files of TurboOCI: metadata only, remote extents stay references.</param>
    /// <param name="output">Only written, front to back.</param>
    /// <returns>The trailer of the new layer.</returns>
    public static LsmtHeader Write(IEnumerable<LsmtExtent> extents, LsmtDataReader read, Stream output, LsmtLayerOptions options)
    {
        ArgumentNullException.ThrowIfNull(extents);
        ArgumentNullException.ThrowIfNull(read);
        var writer = new LsmtLayerWriter(output, options);
        byte[] buffer = new byte[BufferSize];
        foreach (LsmtExtent extent in extents)
        {
            if (extent.IsZeroed) writer.WriteZeros(extent.Offset, extent.Length);
            else if (options.Warp && extent.Layer == LsmtIndexReader.RemoteLayer) writer.WriteRemote(extent.Offset, extent.Length, extent.MappedOffset);
            else Copy(extent, read, writer, buffer);
        }

        return writer.Complete();
    }

    private static void Copy(in LsmtExtent extent, LsmtDataReader read, LsmtLayerWriter writer, byte[] buffer)
    {
        const int bufferSectors = BufferSize / LsmtExtent.SectorSize;
        for (int done = 0; done < extent.Length;)
        {
            // Up to a multiple of the buffer on the device, so that no block that could be zero is cut.
            long sector = extent.Offset + done;
            int count = Math.Min(extent.Length - done, bufferSectors - (int)(sector % bufferSectors));
            Span<byte> data = buffer.AsSpan(0, count * LsmtExtent.SectorSize);
            read(extent.Layer, extent.MappedOffset + done, data);
            writer.Write(sector, data);
            done += count;
        }
    }
}
