using System.Runtime.InteropServices;

namespace Sluice.Formats.Ext4;

/// <summary>What a superblock says about how its file system was left.</summary>
public static class Ext4State
{
    /// <summary>Bytes from the start of the device.</summary>
    public const int SuperblockOffset = 1024;

    public const int SuperblockSize = Ext4Superblock.Size;

    private const ushort Magic = 0xEF53, Valid = 1;

    /// <summary>
    /// Says that a file system was unmounted, which a mounted one without a journal does not say even while it is frozen: so that a copy
    /// made then need not be checked. False, with nothing changed, if it is no ext4 or says so already.
    /// </summary>
    public static bool MarkClean(Span<byte> superblock)
    {
        ref Ext4Superblock fields = ref MemoryMarshal.AsRef<Ext4Superblock>(superblock);
        if (fields.Magic != Magic || (fields.State & Valid) != 0) return false;
        fields.State |= Valid;
        new MetadataChecksums(fields, superblock).SealSuperblock(superblock);
        return true;
    }
}
