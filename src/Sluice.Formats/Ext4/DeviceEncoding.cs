using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>Device numbers lie in the first word of an inode's map (8 bits each) or, when that is zero, in the second (12 and 20 bits).</summary>
internal static class DeviceEncoding
{
    /// <summary>False when Linux can't have such a device.</summary>
    public static bool TryEncode(DeviceNumber device, out uint first, out uint second)
    {
        (first, second) = (0, 0);
        if (device is { Major: <= 0xFF, Minor: <= 0xFF }) first = (device.Major << 8) | device.Minor;
        else second = (device.Minor & 0xFF) | (device.Major << 8) | ((device.Minor & ~0xFFu) << 12);
        return device is { Major: <= 0xFFF, Minor: <= 0xF_FFFF };
    }

    public static DeviceNumber Decode(uint first, uint second) => first != 0
        ? new DeviceNumber((first >> 8) & 0xFF, first & 0xFF)
        : new DeviceNumber((second >> 8) & 0xFFF, (second & 0xFF) | ((second >> 12) & 0xF_FF00));
}
