using System.Globalization;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Harness;

/// <summary>Processes of this machine.</summary>
internal static class Processes
{
    /// <summary>Ids of those with this in their command line, whose arguments have a space between them and at the end.</summary>
    public static IReadOnlyList<string> With(string text) =>
        [.. All().Where(id => CommandLine(id).Contains(text, StringComparison.Ordinal))];

    /// <summary>Kills those at once, and all that descend from them, and waits until they have ended.</summary>
    public static async Task KillTreesAsync(string text)
    {
        ILookup<string, string> children = All().ToLookup(Parent);
        Queue<string> left = new(With(text));
        HashSet<string> found = [];
        while (left.TryDequeue(out string? id))
        {
            if (found.Add(id)) foreach (string child in children[id]) left.Enqueue(child);
        }

        await Command.RunAsync("/bin/kill", ["-9", .. found]);
        await TestMachine.UntilAsync(() => found.All(id => CommandLine(id) is ""), "killed processes have ended");
    }

    /// <summary>Memory of a process in bytes, by its name in proc_pid_status(5), e.g. <c>VmRSS</c>.</summary>
    public static long Memory(string id, string name)
    {
        string line = Text(id, "status").Split('\n').Single(line => line.StartsWith(name + ":", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) << 10;
    }

    private static IEnumerable<string> All() => Directory.EnumerateDirectories("/proc").Select(path => Path.GetFileName(path)!).Where(name => int.TryParse(name, CultureInfo.InvariantCulture, out _));

    /// <summary>proc(5): the field after the name, which may hold anything, and the state.</summary>
    private static string Parent(string id) => Text(id, "stat") is { Length: > 0 } stat ? stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1] : "";

    /// <summary>Empty when it has ended.</summary>
    private static string CommandLine(string id) => Text(id, "cmdline").Replace('\0', ' ');

    private static string Text(string id, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/{file}");
        }
        catch (IOException)
        {
            return ""; // it has just ended
        }
    }
}
