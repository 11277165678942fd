using System.Globalization;

namespace Sluice.EndToEnd.Harness;

/// <summary>Processes of this machine.</summary>
internal static class Processes
{
    /// <summary>Ids of those with this in their command line, whose arguments have a space between them and at the end.</summary>
    public static IReadOnlyList<string> With(string text) =>
    [
        .. Directory.EnumerateDirectories("/proc").Select(path => Path.GetFileName(path)!).Where(name => int.TryParse(name, CultureInfo.InvariantCulture, out _) && CommandLine(name).Contains(text, StringComparison.Ordinal)),
    ];

    private static string CommandLine(string id)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/cmdline").Replace('\0', ' ');
        }
        catch (IOException)
        {
            return ""; // it has just ended
        }
    }
}
