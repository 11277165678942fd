using System.Runtime.InteropServices;

namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>Seals a writable append-only layer in place: what is appended to its data file. Overwritten data stays in the file.</summary>
public static class LsmtSeal
{
    /// <summary>The bytes to append at <paramref name="dataLength"/>: the index, padded to 512 bytes, and the trailer.</summary>
    /// <param name="header">The data file's header.</param>
    /// <param name="dataLength">Bytes of the data file, header included; a multiple of 512.</param>
    /// <param name="extents">In order, without overlaps.</param>
    public static byte[] Make(LsmtHeader header, long dataLength, ReadOnlySpan<LsmtExtent> extents)
    {
        ArgumentNullException.ThrowIfNull(header);
        if (dataLength < LsmtHeader.Size || dataLength % LsmtExtent.SectorSize != 0) throw new ArgumentOutOfRangeException(nameof(dataLength));
        if (extents.Length > LsmtLimits.MaxEntries) throw new SluiceException(SluiceError.Image, "lsmt", "a layer has too many pieces", "commit it instead of sealing it");
        ReadOnlySpan<byte> index = MemoryMarshal.AsBytes(extents);
        int padded = (index.Length + LsmtExtent.SectorSize - 1) & ~(LsmtExtent.SectorSize - 1);
        byte[] bytes = new byte[padded + LsmtHeader.Size];
        index.CopyTo(bytes);
        LsmtHeader trailer = header with { Flags = LsmtFlags.DataFile | LsmtFlags.Sealed, IndexOffset = dataLength, IndexCount = extents.Length };
        trailer.Write(bytes.AsSpan(padded));
        return bytes;
    }
}
