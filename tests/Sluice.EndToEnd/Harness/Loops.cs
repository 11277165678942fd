namespace Sluice.EndToEnd.Harness;

/// <summary>Loop devices of this machine.</summary>
internal static class Loops
{
    /// <summary>Backing files of the loop devices that stand on something in a directory.</summary>
    public static IReadOnlyList<string> Below(string directory) =>
    [
        .. Directory.EnumerateDirectories("/sys/block", "loop*").Select(BackingFile).Where(file => file.StartsWith(directory + "/", StringComparison.Ordinal)),
    ];

    private static string BackingFile(string device)
    {
        try
        {
            return File.ReadAllText(Path.Combine(device, "loop/backing_file"));
        }
        catch (IOException)
        {
            return ""; // not in use
        }
    }
}
