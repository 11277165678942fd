using System.Collections.Concurrent;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Traces;

namespace Sluice.Node.Starts;

/// <summary>
/// What was read at the latest starts of images: for each command that an image was started with <c>traces/&lt;manifest&gt;-&lt;command&gt;.json</c>, where the command is not known <c>traces/&lt;manifest&gt;.json</c>. They outlive
/// their images, which come back. <see cref="Most"/> are kept, and of one image <see cref="MostCommands"/>, those of the latest starts. Whatever is wrong with a file, it is as if there were none.
/// </summary>
/// <param name="warn">Told of each file once that something is wrong with.</param>
internal sealed class TraceStore(string directory, Action<string>? warn = null)
{
    /// <summary>Traces. They have some ten kilobytes each.</summary>
    public const int Most = 1024;

    /// <summary>Of an image: its next start may be any of them, and what is fetched for the others is waste.</summary>
    public const int MostCommands = 4;

    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<string, bool> _damaged = new(StringComparer.Ordinal);

    /// <summary>The traces of an image, of the latest start first; empty: none, or damaged.</summary>
    public IReadOnlyList<StartTrace> Load(Digest manifest) => [.. FilesOf(manifest).Select(file => Read(file, manifest)).OfType<StartTrace>()];

    /// <summary>Keeps a trace in place of an older one of its command. False if the disk does not take it.</summary>
    public bool TrySave(StartTrace trace)
    {
        string path = Path.Combine(directory, trace.Command is { } command ? $"{trace.Manifest.Hex}-{command.Id}.json" : $"{trace.Manifest.Hex}.json");
        lock (_gate)
        {
            try
            {
                Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                File.WriteAllBytes(path + ".new", TraceFile.Write(trace));
                File.Move(path + ".new", path, overwrite: true);
                FileInfo[] ofImage = FilesOf(trace.Manifest);
                if (ofImage.Length > MostCommands) foreach (FileInfo file in ofImage.OrderBy(file => Read(file, trace.Manifest) is { IsWarm: true }).Skip(MostCommands)) file.Delete(); // warm ones go first
                FileInfo[] all = Latest("*.json");
                foreach (FileInfo file in all.Skip(Most)) file.Delete();
                return true;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    private FileInfo[] FilesOf(Digest manifest)
    {
        try
        {
            return Latest(manifest.Hex + "*.json");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private FileInfo[] Latest(string pattern) => [.. new DirectoryInfo(directory).GetFiles(pattern).OrderByDescending(file => file.LastWriteTimeUtc)];

    private StartTrace? Read(FileInfo file, Digest manifest)
    {
        try
        {
            if (file.Length > TraceFile.MaxLength) throw new InvalidFormatException("trace", $"has {file.Length} bytes, more than is allowed");
            StartTrace trace = TraceFile.Read(File.ReadAllBytes(file.FullName));
            return trace.Manifest == manifest ? trace : throw new InvalidFormatException("trace", $"is of {trace.Manifest}");
        }
        catch (FileNotFoundException)
        {
            return null; // a newer one has taken its place
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or SluiceException)
        {
            if (_damaged.TryAdd(file.FullName, true)) warn?.Invoke($"{file.FullName}: {exception.Message}");
            return null;
        }
    }
}
