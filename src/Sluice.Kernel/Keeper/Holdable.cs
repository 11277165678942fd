using System.Buffers.Binary;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Keeper;

/// <summary>What a keeper holds: descriptors of <c>/dev/fuse</c>, by the numbers of the device (Documentation/admin-guide/devices.txt), and listening unix sockets.</summary>
internal static unsafe class Holdable
{
    private const int Major = 10;
    private const int Minor = 229;

    /// <summary>struct statx: u16 stx_mode at 28, u32 stx_rdev_major at 128, u32 stx_rdev_minor at 132.</summary>
    private const int StatSize = 256;

    private const int TypeMask = 0xF000;
    private const int CharacterDevice = 0x2000;

    public static bool IsFuse(int descriptor)
    {
        byte* answer = stackalloc byte[StatSize];
        if (Libc.StatX(descriptor, "", Libc.AT_EMPTY_PATH, Libc.STATX_TYPE, answer) != 0) return false;
        var status = new ReadOnlySpan<byte>(answer, StatSize);
        return (BinaryPrimitives.ReadUInt16LittleEndian(status[28..]) & TypeMask) == CharacterDevice
            && BinaryPrimitives.ReadUInt32LittleEndian(status[128..]) == Major
            && BinaryPrimitives.ReadUInt32LittleEndian(status[132..]) == Minor;
    }

    public static bool IsListener(int descriptor) => Option(descriptor, Libc.SO_ACCEPTCONN) == 1 && Option(descriptor, Libc.SO_DOMAIN) == Libc.AF_UNIX && Option(descriptor, Libc.SO_TYPE) == Libc.SOCK_STREAM;

    /// <summary>-1 if it is no socket.</summary>
    private static int Option(int descriptor, int option)
    {
        int value, length = sizeof(int);
        return Libc.GetSocketOption(descriptor, Libc.SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
    }
}
