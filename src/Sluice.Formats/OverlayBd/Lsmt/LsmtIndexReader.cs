using System.Runtime.InteropServices;

namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>Reads the index of a sealed LSMT file (committed, compacted or sealed in place) and checks every entry.</summary>
public static class LsmtIndexReader
{
    /// <summary>The layer numbers of a TurboOCI ("warp") file: metadata in the file itself, and sectors of the original layer's tar.</summary>
    public const byte MetadataLayer = 0, RemoteLayer = 1;

    /// <summary>Where the index is, which is to be passed to <see cref="Read"/>.</summary>
    /// <param name="trailer">The last 4096 bytes of the file.</param>
    /// <param name="fileLength">Bytes of the LSMT file, trailer included.</param>
    /// <exception cref="InvalidFormatException">The index can't be where the trailer says.</exception>
    public static (long Offset, int Length) GetRange(LsmtHeader trailer, long fileLength)
    {
        const LsmtFlags kind = LsmtFlags.Header | LsmtFlags.DataFile | LsmtFlags.Sealed;
        if ((trailer.Flags & kind) != (LsmtFlags.DataFile | LsmtFlags.Sealed)) throw LsmtHeader.Error($"this is no trailer of a sealed layer (flags 0x{(uint)trailer.Flags:x})");
        if (trailer.IndexCount > LsmtLimits.MaxEntries) throw LsmtHeader.Error($"{trailer.IndexCount} index entries");
        if (trailer.IndexOffset < LsmtHeader.Size || trailer.IndexOffset > fileLength - LsmtHeader.Size - trailer.IndexLength)
        {
            throw LsmtHeader.Error($"an index of {trailer.IndexCount} entries at {trailer.IndexOffset} in a file of {fileLength} bytes");
        }

        return (trailer.IndexOffset, (int)trailer.IndexLength);
    }

    /// <summary>The extents of a layer in order, without padding.</summary>
    /// <param name="index">The bytes at <see cref="GetRange"/>.</param>
    /// <param name="warp">
    /// The file belongs to TurboOCI: <see cref="LsmtExtent.Layer"/> is kept, as <see cref="MetadataLayer"/> or <see cref="RemoteLayer"/>.
    /// Otherwise it is 0 in all extents, whatever the file says.
    /// </param>
    /// <exception cref="InvalidFormatException">Entries are out of order, overlap or point out of the data.</exception>
    public static LsmtExtent[] Read(LsmtHeader trailer, ReadOnlySpan<byte> index, bool warp = false)
    {
        if (index.Length != trailer.IndexLength) throw LsmtHeader.Error($"an index of {index.Length} bytes for {trailer.IndexCount} entries");
        ReadOnlySpan<LsmtExtent> entries = MemoryMarshal.Cast<byte, LsmtExtent>(index);
        byte lowest = warp ? LowestLayer(entries) : (byte)0;
        var extents = new LsmtExtent[CountExtents(entries)];
        long dataEnd = trailer.IndexOffset / LsmtExtent.SectorSize;
        long end = 0;
        int count = 0;
        foreach (ref readonly LsmtExtent entry in entries)
        {
            if (entry.Offset == LsmtExtent.InvalidOffset) continue;
            int layer = warp ? entry.Layer - lowest : 0;
            if (entry.Length == 0 || entry.End > LsmtExtent.InvalidOffset) throw Error(entry, "no sectors of a device");
            if (entry.Offset < end) throw Error(entry, "before the end of the extent in front of it");
            if (layer > RemoteLayer) throw Error(entry, $"in layer {layer}");
            if (layer == MetadataLayer) CheckMapping(entry, dataEnd);
            end = entry.End;
            extents[count++] = new LsmtExtent(entry.Offset, entry.Length, entry.MappedOffset, entry.IsZeroed, (byte)layer);
        }

        return extents;
    }

    /// <summary>Refuses an extent whose data isn't between the header and <paramref name="dataEnd"/> (in sectors).</summary>
    internal static void CheckMapping(in LsmtExtent extent, long dataEnd)
    {
        long last = extent.MappedOffset + (extent.IsZeroed ? 0 : extent.Length);
        if (extent.MappedOffset < LsmtHeader.Size / LsmtExtent.SectorSize || last > dataEnd) throw Error(extent, "outside the data");
    }

    private static int CountExtents(ReadOnlySpan<LsmtExtent> entries)
    {
        int count = 0;
        foreach (ref readonly LsmtExtent entry in entries)
        {
            if (entry.Offset != LsmtExtent.InvalidOffset) count++;
        }

        return count;
    }

    /// <summary>Numbers may begin above 0; a file that has only remote data keeps its 1.</summary>
    private static byte LowestLayer(ReadOnlySpan<LsmtExtent> entries)
    {
        byte lowest = byte.MaxValue, highest = 0;
        foreach (ref readonly LsmtExtent entry in entries)
        {
            if (entry.Offset == LsmtExtent.InvalidOffset) continue;
            lowest = Math.Min(lowest, entry.Layer);
            highest = Math.Max(highest, entry.Layer);
        }

        return highest > RemoteLayer ? lowest : (byte)0;
    }

    private static InvalidFormatException Error(in LsmtExtent extent, string what) =>
        LsmtHeader.Error($"the extent of {extent.Length} sectors at sector {extent.Offset}, mapped to {extent.MappedOffset}, is {what}");
}
