using Sluice.Formats;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>Opens the two files of an upper and closes them again if there is no upper in them.</summary>
internal static class UpperPaths
{
    public static T Create<T>(string dataPath, string logPath, Func<IUpperFile, IUpperFile, T> make)
        where T : LoggedUpper
    {
        T upper = Open(dataPath, logPath, FileMode.CreateNew, make, FileMode.CreateNew);
        foreach (string path in (string[])[dataPath, logPath])
        {
            if (LocalUpperFile.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!) == UpperError.None) continue;
            upper.Dispose();
            throw new SluiceException(SluiceError.Disk, path, "its directory can't be synced");
        }

        return upper;
    }

    public static T Open<T>(string dataPath, string logPath, FileMode logMode, Func<IUpperFile, IUpperFile, T> open, FileMode dataMode = FileMode.Open)
        where T : LoggedUpper
    {
        LocalUpperFile data = LocalUpperFile.Open(dataPath, dataMode);
        LocalUpperFile? log = null;
        try
        {
            log = LocalUpperFile.Open(logPath, logMode);
            return open(data, log);
        }
        catch
        {
            data.Dispose();
            log?.Dispose();
            throw;
        }
    }
}
