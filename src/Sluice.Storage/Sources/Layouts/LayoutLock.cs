using Sluice.Formats;

namespace Sluice.Storage.Sources.Layouts;

/// <summary>
/// The exclusive right to change one file, among all processes of the machine (flock). The lock file stays: removing it
/// would let two waiters hold locks on two files of one name.
/// </summary>
internal static class LayoutLock
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Waits for the lock; disposing the result releases it.</summary>
    public static async Task<FileStream> AcquireAsync(string path, string name, CancellationToken cancellation)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            }
            catch (UnauthorizedAccessException error)
            {
                throw new SluiceException(SluiceError.Disk, name, $"can't be locked: {error.Message}", inner: error);
            }
            catch (IOException error) when (TimeProvider.System.GetElapsedTime(start) >= Patience)
            {
                throw new SluiceException(SluiceError.Disk, name, $"is locked by another writer: {error.Message}", inner: error);
            }
            catch (IOException)
            {
                await Task.Delay(Pause, cancellation).ConfigureAwait(false);
            }
        }
    }
}
