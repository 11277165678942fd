using System.Runtime.InteropServices;
using Sluice.Formats;

namespace Sluice.Storage.Cache;

/// <summary>A directory that one process uses: holds <c>lock</c> in it, and gives it back when disposed or when the process ends, however it ends.</summary>
/// <remarks>
/// The lock is free at a kill, and not only when the process can be reaped: a thread that waits for a file system of this very process
/// keeps all descriptors open until a successor serves that, which needs the lock. So a thread of its own holds it, with a table of descriptors of its own (close_range(2),
/// CLOSE_RANGE_UNSHARE; Linux 5.9).
/// </remarks>
public sealed partial class DirectoryLock : IDisposable
{
    private const int OpenFlags = 0x2 /* O_RDWR */ | 0x40 /* O_CREAT */ | 0x80000 /* O_CLOEXEC */;
    private const int OwnerOnly = 0x180; // 0600
    private const int ExclusiveNow = 2 /* LOCK_EX */ | 4 /* LOCK_NB */;
    private const int WouldBlock = 11; // EAGAIN, what flock(2) answers when the lock is held
    private const uint Unshare = 2;

    private readonly TaskCompletionSource<int> _taken = new();
    private readonly ManualResetEventSlim _release = new();
    private readonly Thread _holder;

    private DirectoryLock(string file)
    {
        _holder = new Thread(() => Hold(file)) { IsBackground = true, Name = "lock" };
        _holder.Start();
    }

    /// <summary>Makes the directory if it is missing (nobody but its owner may look into it) and locks it.</summary>
    /// <param name="inUse">What to do when another process has it.</param>
    /// <exception cref="SluiceException"><see cref="SluiceError.Disk"/>: it is in use, or can't be made or written.</exception>
    public static DirectoryLock Take(string directory, string inUse)
    {
        try
        {
#pragma warning disable CA1416 // Sluice runs on Linux
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
#pragma warning restore CA1416
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unusable(directory, e.Message, e);
        }

        var taken = new DirectoryLock(Path.Combine(directory, "lock"));
        int errno = taken._taken.Task.GetAwaiter().GetResult();
        if (errno == 0) return taken;
        taken.Dispose();
        throw errno == WouldBlock ? new SluiceException(SluiceError.Disk, directory, "is used by another process", inUse) : Unusable(directory, Marshal.GetPInvokeErrorMessage(errno), null);
    }

    public void Dispose()
    {
        _release.Set();
        _holder.Join();
    }

    private static SluiceException Unusable(string directory, string message, Exception? inner) =>
        new(SluiceError.Disk, directory, $"can't be used: {message}", "it must be a directory that can be written", inner);

    private void Hold(string path)
    {
        _ = CloseRange(0, uint.MaxValue, Unshare); // of this thread alone; an older kernel has one table for all
        int file = Open(path, OpenFlags, OwnerOnly);
        int errno = file < 0 || Lock(file, ExclusiveNow) != 0 ? Marshal.GetLastPInvokeError() : 0;
        _taken.SetResult(errno);
        if (errno == 0) _release.Wait();
        if (file >= 0) _ = Close(file);
    }

    [LibraryImport("libc", EntryPoint = "close_range", SetLastError = true)]
    private static partial int CloseRange(uint first, uint last, uint flags);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Lock(int file, int operation);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
