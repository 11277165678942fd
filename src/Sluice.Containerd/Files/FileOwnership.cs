using System.Runtime.InteropServices;

namespace Sluice.Containerd.Files;

/// <summary>Giving a directory the owner and permissions of another one.</summary>
internal static class FileOwnership
{
    public static void Apply(string directory, FileStatus like)
    {
        using DirectoryHandle handle = DirectoryHandle.TryOpen(directory) ?? throw new DirectoryNotFoundException(directory);
        if (Libc.ChangeOwner(handle.Descriptor, like.User, like.Group) != 0) throw Libc.Error($"chown {directory}", Marshal.GetLastPInvokeError());

        // After chown, which clears the set-id bits.
        if (Libc.ChangeMode(handle.Descriptor, like.Permissions) != 0) throw Libc.Error($"chmod {directory}", Marshal.GetLastPInvokeError());
    }
}
