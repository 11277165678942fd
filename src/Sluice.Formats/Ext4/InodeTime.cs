using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>
/// Times of inodes: 32 bits of seconds with sign, and an extra word of nanoseconds (bits 2..31) and two more bits of epoch,
/// which count up from the signed value: 1901 to 2446.
/// </summary>
internal static class InodeTime
{
    private const long First = int.MinValue;
    private const long Last = int.MaxValue + (3L << 32);

    /// <summary>Times that can't be said become the nearest that can.</summary>
    public static (uint Seconds, uint Extra) Encode(FileTime time)
    {
        long seconds = Math.Clamp(time.Seconds, First, Last);
        var low = (int)seconds;
        var epoch = (uint)((seconds - low) >> 32) & 3;
        return ((uint)low, (time.Nanoseconds << 2) | epoch);
    }

    public static FileTime Decode(uint seconds, uint extra) => new((int)seconds + ((long)(extra & 3) << 32), extra >> 2);
}
