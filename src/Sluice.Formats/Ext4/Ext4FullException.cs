using System.Globalization;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>The file system has no room left: blocks, inodes, or names for one inode.</summary>
public sealed class Ext4FullException : SluiceException
{
    private Ext4FullException(SluiceError error, Ext4Volume volume, string message, string? hint = null)
        : base(error, Image(volume), message, hint)
    {
    }

    internal static Ext4FullException NoBlocks(Ext4Volume volume, long wanted) =>
        new(SluiceError.Usage, volume, $"no space: {wanted} more blocks of 4 KiB are wanted and {volume.FreeBlocks} are free", LargerDevice);

    internal static Ext4FullException NoInodes(Ext4Volume volume) =>
        new(SluiceError.Usage, volume, $"no inode is free of {volume.InodeCount}", LargerDevice);

    internal static Ext4FullException TooManyLinks(Ext4Volume volume, uint inode) =>
        new(SluiceError.Image, volume, $"inode {inode} has {Ext4Layout.MaxLinks} names, and ext4 allows no more");

    internal static Ext4FullException DirectoryTooLarge(Ext4Volume volume, uint inode) =>
        new(SluiceError.Image, volume, $"directory inode {inode} has more names than ext4 can index");

    internal static Ext4FullException AttributesTooLarge(Ext4Volume volume, FileName attribute) =>
        new(SluiceError.Image, volume, $"extended attributes of one file don't fit a block of 4 KiB ('{attribute}')");

    private const string LargerDevice = "convert with a larger --vsize";

    private static string Image(Ext4Volume volume) =>
        string.Create(CultureInfo.InvariantCulture, $"block image of {volume.BlockCount / 262144.0:0.###} GiB");
}
