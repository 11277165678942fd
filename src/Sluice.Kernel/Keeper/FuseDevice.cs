using System.Buffers.Binary;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Keeper;

/// <summary>Whether a descriptor is one of <c>/dev/fuse</c>, by the numbers of the device (Documentation/admin-guide/devices.txt): nothing else is held.</summary>
internal static unsafe class FuseDevice
{
    private const int Major = 10;
    private const int Minor = 229;

    /// <summary>struct statx: u16 stx_mode at 28, u32 stx_rdev_major at 128, u32 stx_rdev_minor at 132.</summary>
    private const int StatSize = 256;

    private const int TypeMask = 0xF000;
    private const int CharacterDevice = 0x2000;

    public static bool Is(int descriptor)
    {
        byte* answer = stackalloc byte[StatSize];
        if (Libc.StatX(descriptor, "", Libc.AT_EMPTY_PATH, Libc.STATX_TYPE, answer) != 0) return false;
        var status = new ReadOnlySpan<byte>(answer, StatSize);
        return (BinaryPrimitives.ReadUInt16LittleEndian(status[28..]) & TypeMask) == CharacterDevice
            && BinaryPrimitives.ReadUInt32LittleEndian(status[128..]) == Major
            && BinaryPrimitives.ReadUInt32LittleEndian(status[132..]) == Minor;
    }
}
