using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

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

    /// <summary>Opens a file, which is made if it is missing, locks it, and writes the number of this process into it.</summary>
    /// <param name="holder">When another process has it: that process, if it has said so.</param>
    /// <returns>A number to release it by, or a negative errno.</returns>
    public static int Take(string path, out int? holder)
    {
        int? said = null;
        int taken = Do(() =>
        {
            int file = Open(path, OpenFlags, OwnerOnly);
            if (file < 0) return -Marshal.GetLastPInvokeError();
            if (Lock(file, ExclusiveNow) == 0)
            {
                Say(file);
                return file;
            }

            int errno = Marshal.GetLastPInvokeError();
            said = Hear(file);
            _ = Close(file);
            return -errno;
        });
        holder = said;
        return taken;
    }

    public static void Release(int file) => Do(() => Close(file));

    /// <summary>Not by .NET's files, which take locks of this kind themselves. On a full disk nothing is said.</summary>
    private static unsafe void Say(int file)
    {
        byte[] text = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n"));
        fixed (byte* start = text)
        {
            if (Truncate(file, 0) == 0) _ = Write(file, start, (nuint)text.Length, 0);
        }
    }

    private static unsafe int? Hear(int file)
    {
        byte* text = stackalloc byte[16];
        nint length = Read(file, text, 16, 0);
        return length > 0 && int.TryParse(new ReadOnlySpan<byte>(text, (int)length).TrimEnd((byte)'\n'), NumberStyles.None, CultureInfo.InvariantCulture, out int process) ? process : null;
    }

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

    [LibraryImport("libc", EntryPoint = "ftruncate")]
    private static partial int Truncate(int file, long length);

    [LibraryImport("libc", EntryPoint = "pwrite")]
    private static unsafe partial nint Write(int file, byte* data, nuint length, long offset);

    [LibraryImport("libc", EntryPoint = "pread")]
    private static unsafe partial nint Read(int file, byte* data, nuint length, long offset);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
