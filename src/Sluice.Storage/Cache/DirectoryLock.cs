using Sluice.Formats;

namespace Sluice.Storage.Cache;

/// <summary>A directory that one process uses: holds <c>lock</c> in it, and gives it back when disposed or when the process ends, however it ends.</summary>
public sealed class DirectoryLock : IDisposable
{
    /// <summary>EAGAIN, what flock(2) answers when the lock is held.</summary>
    private const int WouldBlock = 11;

    private readonly FileStream _file;

    private DirectoryLock(FileStream file) => _file = file;

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

            // FileShare.None is flock(LOCK_EX | LOCK_NB).
            return new DirectoryLock(new FileStream(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            throw new SluiceException(SluiceError.Disk, directory, "is used by another process", inUse, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, directory, $"can't be used: {e.Message}", "it must be a directory that can be written", e);
        }
    }

    public void Dispose() => _file.Dispose();
}
