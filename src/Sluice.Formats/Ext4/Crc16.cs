namespace Sluice.Formats.Ext4;

/// <summary>CRC-16 as the feature uninit_bg uses it for group descriptors: polynomial 0x8005 reflected.</summary>
internal static class Crc16
{
    private const ushort Polynomial = 0xA001;

    private static readonly ushort[] Table = MakeTable();

    public static ushort Compute(ushort crc, ReadOnlySpan<byte> data)
    {
        foreach (byte value in data) crc = (ushort)((crc >> 8) ^ Table[(crc ^ value) & 0xFF]);
        return crc;
    }

    private static ushort[] MakeTable()
    {
        var table = new ushort[256];
        for (int i = 0; i < table.Length; i++)
        {
            int crc = i;
            for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? Polynomial : 0);
            table[i] = (ushort)crc;
        }

        return table;
    }
}
