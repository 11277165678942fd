using System.Runtime.InteropServices;
using Sluice.Formats;

namespace Sluice.Storage.Cache;

/// <summary>
/// A directory that one process uses: holds <c>lock</c> in it, and gives it back when disposed or when the process ends, however it ends. It is free at a kill, not only when
/// the process can be reaped: one that waits for a file system that it served itself hangs until a successor serves that, which needs the lock.
/// </summary>
public sealed class DirectoryLock : IDisposable
{
    /// <summary>EAGAIN, what flock(2) answers when the lock is held.</summary>
    private const int WouldBlock = 11;

    private int _file;

    private DirectoryLock(int file) => _file = file;

    /// <summary>Makes the directory if it is missing (nobody but its owner may look into it) and locks it. Does not wait.</summary>
    /// <param name="inUse">What to do when another process has it. Of one that is stopped something else is said.</param>
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

        int file = LockHolder.Take(Path.Combine(directory, "lock"), out int? holder);
        if (file >= 0) return new DirectoryLock(file);
        throw file == -WouldBlock ? InUse(directory, holder, inUse) : Unusable(directory, Marshal.GetPInvokeErrorMessage(-file), null);
    }

    public void Dispose()
    {
        int file = Interlocked.Exchange(ref _file, -1);
        if (file >= 0) LockHolder.Release(file);
    }

    private static SluiceException InUse(string directory, int? holder, string inUse)
    {
        if (holder is not { } process) return new SluiceException(SluiceError.Disk, directory, "is used by another process", inUse);
        return IsStopped(process)
            ? new SluiceException(SluiceError.Disk, directory, $"is used by process {process}, which is stopped (SIGSTOP)", $"kill -CONT {process} lets it go on; kill -KILL {process} ends it, and what it has mounted can be taken over")
            : new SluiceException(SluiceError.Disk, directory, $"is used by process {process}", inUse);
    }

    /// <summary>By a signal, or by a debugger.</summary>
    private static bool IsStopped(int process)
    {
        try
        {
            return File.ReadLines($"/proc/{process}/status").Any(line => line.StartsWith("State:\t", StringComparison.Ordinal) && line[7] is 'T' or 't');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static SluiceException Unusable(string directory, string message, Exception? inner) =>
        new(SluiceError.Disk, directory, $"can't be used: {message}", "it must be a directory that can be written", inner);
}
