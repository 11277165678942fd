using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Sluice.Storage.Cache;

/// <summary>
/// The thread that holds the locks of this process, with a table of descriptors of its own (unshare(2), CLONE_FILES): when the process is killed it ends, and the
/// locks with it, also while another thread still hangs in a system call and keeps the process's own descriptors open.
/// </summary>
internal static partial class LockHolder
{
    private const int CloneFiles = 0x400;
    private const int OpenFlags = 0x2 /* O_RDWR */ | 0x40 /* O_CREAT */ | 0x80000 /* O_CLOEXEC */;
    private const int OwnerOnly = 0x180; // 0600
    private const int ExclusiveNow = 2 /* LOCK_EX */ | 4 /* LOCK_NB */;

    /// <summary>Copies of these would keep somebody from seeing that this process has closed them. The rest of the table, the runtime's memory among it, is needed.</summary>
    private static readonly string[] NotToBeKept = ["socket:", "pipe:", "/dev/fuse"];

    private static readonly BlockingCollection<Action> Orders = [];

    static LockHolder() => new Thread(Work) { IsBackground = true, Name = "locks" }.Start();

    /// <summary>Opens a file, which is made if it is missing, and locks it.</summary>
    /// <returns>A number to release it by, or a negative errno.</returns>
    public static int Take(string path) => Do(() =>
    {
        int file = Open(path, OpenFlags, OwnerOnly);
        if (file < 0) return -Marshal.GetLastPInvokeError();
        if (Lock(file, ExclusiveNow) == 0) return file;
        int errno = Marshal.GetLastPInvokeError();
        _ = Close(file);
        return -errno;
    });

    public static void Release(int file) => Do(() => Close(file));

    private static int Do(Func<int> order)
    {
        TaskCompletionSource<int> done = new();
        Orders.Add(() => done.SetResult(order()));
        return done.Task.GetAwaiter().GetResult();
    }

    private static void Work()
    {
        if (Unshare(CloneFiles) == 0)
        {
            foreach (string entry in Directory.GetFiles("/proc/thread-self/fd"))
            {
                string target = new FileInfo(entry).LinkTarget ?? "";
                if (NotToBeKept.Any(kind => target.StartsWith(kind, StringComparison.Ordinal))) _ = Close(int.Parse(Path.GetFileName(entry), CultureInfo.InvariantCulture));
            }
        }

        foreach (Action order in Orders.GetConsumingEnumerable()) order();
    }

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Lock(int file, int operation);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
