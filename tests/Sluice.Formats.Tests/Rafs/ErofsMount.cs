using System.Runtime.InteropServices;

namespace Sluice.Formats.Tests.Rafs;

/// <summary>A bootstrap mounted by the kernel's EROFS straight from plain files (Linux 6.12 and later), unmounted when disposed.</summary>
internal sealed partial class ErofsMount : IDisposable
{
    private const ulong ReadOnly = 1;
    private const int Detach = 2;

    private ErofsMount(string path) => Path = path;

    public string Path { get; }

    /// <summary>Skips the calling test where the kernel or the user cannot mount.</summary>
    public static ErofsMount Create(string bootstrap, IEnumerable<string> devices, string mountPoint)
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("mounting needs root");
        if (Environment.OSVersion.Version < new Version(6, 12)) Assert.Skip("mounting plain files needs Linux 6.12");
        Directory.CreateDirectory(mountPoint);
        string options = string.Join(',', devices.Select(device => $"device={device}"));
        int result = Mount(bootstrap, mountPoint, "erofs", ReadOnly, options);
        int error = Marshal.GetLastPInvokeError();
        if (result != 0 && error == 19) Assert.Skip("this kernel has no EROFS");
        Assert.True(result == 0, $"mount: errno {error}");
        return new ErofsMount(mountPoint);
    }

    public void Dispose() => Unmount(Path, Detach);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string type, ulong flags, string data);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);
}
