using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Sluice.Storage.Tests.Disks.Uppers;

/// <summary>open(2) without the lock that .NET takes.</summary>
internal static partial class PlainOpen
{
    public static SafeFileHandle Read(string path) => Open(path, 0);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);
}
