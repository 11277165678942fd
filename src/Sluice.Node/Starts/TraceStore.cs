using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Traces;

namespace Sluice.Node.Starts;

/// <summary>
/// What was read at the latest starts of images, <c>traces/&lt;manifest&gt;.json</c>. They outlive their images, which come back; of <see cref="Most"/> images at most, those that started
/// last. Whatever is wrong with a file, it is as if there were none.
/// </summary>
internal sealed class TraceStore(string directory)
{
    /// <summary>Images. Their traces have some ten kilobytes each.</summary>
    public const int Most = 1024;

    private readonly Lock _gate = new();

    /// <summary>The trace of an image; null: none, or damaged.</summary>
    public StartTrace? Load(Digest manifest)
    {
        try
        {
            FileInfo file = new(PathOf(manifest));
            if (!file.Exists || file.Length > TraceFile.MaxLength) return null;
            StartTrace trace = TraceFile.Read(File.ReadAllBytes(file.FullName));
            return trace.Manifest == manifest ? trace : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or SluiceException)
        {
            return null;
        }
    }

    /// <summary>Keeps a trace in place of an older one. False if the disk does not take it.</summary>
    public bool TrySave(StartTrace trace)
    {
        string path = PathOf(trace.Manifest);
        lock (_gate)
        {
            try
            {
                Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                File.WriteAllBytes(path + ".new", TraceFile.Write(trace));
                File.Move(path + ".new", path, overwrite: true);
                RemoveOldest();
                return true;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    private string PathOf(Digest manifest) => Path.Combine(directory, manifest.Hex + ".json");

    private void RemoveOldest()
    {
        FileInfo[] files = new DirectoryInfo(directory).GetFiles("*.json");
        foreach (FileInfo file in files.OrderBy(file => file.LastWriteTimeUtc).Take(files.Length - Most)) file.Delete();
    }
}
