using System.Runtime.InteropServices;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Storage.Disks.Uppers;

namespace Sluice.Storage.Tests.Disks.Uppers;

/// <summary>Sectors as numbers: <see cref="Absent"/>, <see cref="Zeroed"/>, or the version that was written, which fills the sector.</summary>
internal static class SectorModel
{
    public const int Absent = -1, Zeroed = 0;

    public static byte[] Fill(int count, int version)
    {
        byte[] bytes = new byte[count * 512];
        MemoryMarshal.Cast<byte, int>(bytes.AsSpan()).Fill(version);
        return bytes;
    }

    /// <summary>What an upper has of its first sectors.</summary>
    public static int[] Read(IUpper upper, int sectors)
    {
        int[] result = new int[sectors];
        Array.Fill(result, Absent);
        var found = new LsmtExtent[3];
        for (long at = 0; at < sectors;)
        {
            int n = upper.Lookup(at, sectors - at, found);
            foreach (LsmtExtent extent in found.AsSpan(0, n))
            {
                byte[] bytes = new byte[extent.Length * 512];
                Assert.Equal(UpperError.None, upper.Read(extent, bytes));
                for (int i = 0; i < extent.Length; i++)
                {
                    Span<int> sector = MemoryMarshal.Cast<byte, int>(bytes.AsSpan(i * 512, 512));
                    Assert.False(sector.ContainsAnyExcept(sector[0]));
                    result[extent.Offset + i] = sector[0];
                }
            }

            if (n < found.Length) break;
            at = found[^1].End;
        }

        return result;
    }

    /// <summary>What a sealed or committed layer has of its first sectors.</summary>
    public static int[] ReadLayer(byte[] layer, int sectors)
    {
        LsmtHeader trailer = LsmtHeader.Read(layer.AsSpan(layer.Length - LsmtHeader.Size));
        (long offset, int length) = LsmtIndexReader.GetRange(trailer, layer.Length);
        int[] result = new int[sectors];
        Array.Fill(result, SectorModel.Absent);
        foreach (LsmtExtent extent in LsmtIndexReader.Read(trailer, layer.AsSpan((int)offset, length)))
        {
            for (int i = 0; i < extent.Length; i++)
                result[extent.Offset + i] = extent.IsZeroed ? Zeroed : BitConverter.ToInt32(layer, (int)(extent.MappedOffset + i) * 512);
        }

        return result;
    }
}
