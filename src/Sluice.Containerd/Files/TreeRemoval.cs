using System.Runtime.InteropServices;
using System.Text;

namespace Sluice.Containerd.Files;

/// <summary>Removes trees that containers have written: any names, any depth, no following of links.</summary>
public static class TreeRemoval
{
    /// <summary>Deeper directories are first moved to the top, so that descriptors and stack stay bounded.</summary>
    private const int MaxDepth = 64;

    /// <exception cref="IOException">Something can't be removed, e.g. because it is a mount point.</exception>
    public static void Remove(string path)
    {
        int moved;
        int number = 0;
        do
        {
            // Opened anew in each round: a descriptor that was read to the end does not show later entries.
            using DirectoryHandle? top = DirectoryHandle.TryOpen(path);
            if (top is null)
            {
                File.Delete(path);
                return;
            }

            moved = number;
            Empty(top, top, 0, ref number);
        }
        while (moved != number);

        Directory.Delete(path);
    }

    private static void Empty(DirectoryHandle top, DirectoryHandle directory, int depth, ref int number)
    {
        foreach ((byte[] name, _) in directory.ReadEntries())
        {
            if (TryUnlink(directory, name, 0)) continue;
            if (depth == MaxDepth)
            {
                MoveToTop(top, directory, name, number++);
                continue;
            }

            using (DirectoryHandle? child = directory.TryOpen(name))
            {
                if (child is not null) Empty(top, child, depth + 1, ref number);
            }

            TryUnlink(directory, name, Libc.AtRemoveDirectory);
        }
    }

    /// <returns>False when it is a directory and <paramref name="flags"/> does not say so.</returns>
    private static unsafe bool TryUnlink(DirectoryHandle directory, byte[] name, int flags)
    {
        fixed (byte* path = name)
        {
            if (Libc.UnlinkAt(directory.Descriptor, path, flags) == 0) return true;
        }

        int error = Marshal.GetLastPInvokeError();
        return error switch
        {
            Libc.NoEntry => true,
            Libc.IsDirectory => false,
            _ => throw Libc.Error($"remove {Encoding.UTF8.GetString(name.AsSpan(0, name.Length - 1))}", error),
        };
    }

    private static unsafe void MoveToTop(DirectoryHandle top, DirectoryHandle directory, byte[] name, int number)
    {
        // A random part keeps clear of what the tree itself contains.
        byte[] target = DirectoryHandle.Terminated(Encoding.ASCII.GetBytes($"deep-{number}-{Guid.NewGuid():n}"));
        fixed (byte* from = name)
        fixed (byte* to = target)
        {
            if (Libc.RenameAt(directory.Descriptor, from, top.Descriptor, to) != 0) throw Libc.Error("move a deep directory", Marshal.GetLastPInvokeError());
        }
    }
}
