using System.Runtime.InteropServices;
using Sluice.Formats;

namespace Sluice.Kernel.Syscalls;

/// <summary>Turns an errno into the exception of this room.</summary>
internal static class KernelError
{
    /// <summary>From the errno of the system call just made.</summary>
    public static SluiceException Last(string culprit, string what, string? hint = null) => Of(Marshal.GetLastPInvokeError(), culprit, what, hint);

    public static SluiceException Of(int errno, string culprit, string what, string? hint = null) =>
        new(SluiceError.Kernel, culprit, $"{what}: {Libc.Message(errno)} (errno {errno})", hint);
}
