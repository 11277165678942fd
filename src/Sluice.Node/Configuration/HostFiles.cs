namespace Sluice.Node.Configuration;

/// <summary>Notices that somebody has changed what <c>registry.hosts_dir</c> holds: mirrors and certificates of registries.</summary>
internal static class HostFiles
{
    /// <summary>Options that say how the files are now.</summary>
    public static NodeOptions LookAt(NodeOptions options) => options with { HostFiles = Look(options.Sources.HostDirectories) };

    /// <summary>Names, times and sizes; another text after a change. Symbolic links are followed.</summary>
    public static string Look(IEnumerable<string> directories) => string.Join('\n', directories.SelectMany(Files));

    private static IEnumerable<string> Files(string directory)
    {
        try
        {
            return [.. Directory.EnumerateDirectories(directory).SelectMany(Directory.EnumerateFiles).Select(Describe).Order(StringComparer.Ordinal)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string Describe(string path)
    {
        var file = new FileInfo(path);
        if (file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target) file = target;
        return file.Exists ? $"{path} {file.LastWriteTimeUtc.Ticks} {file.Length}" : path;
    }
}
