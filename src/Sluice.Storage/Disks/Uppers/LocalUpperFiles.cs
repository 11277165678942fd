using Sluice.Formats;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>A directory of the local file system.</summary>
internal sealed class LocalUpperFiles(string directory) : IUpperFiles
{
    public string Name => directory;

    public bool Exists(string name) => File.Exists(Path.Combine(directory, name));

    public IUpperFile Open(string name, FileMode mode) => LocalUpperFile.Open(Path.Combine(directory, name), mode);

    public void Delete(string name)
    {
        try
        {
            File.Delete(Path.Combine(directory, name));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, Path.Combine(directory, name), $"can't be removed: {e.Message}", inner: e);
        }
    }

    public UpperError Sync() => LocalUpperFile.SyncDirectory(directory);
}
