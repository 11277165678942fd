namespace Sluice.Node.Doctor.Facts;

/// <summary>A process of the node.</summary>
/// <param name="Arguments">Its command line, the program first.</param>
internal sealed record NodeProcess(int Id, IReadOnlyList<string> Arguments)
{
    public static IReadOnlyList<NodeProcess> List(NodeFiles files) =>
    [
        .. files.Names("/proc").Where(name => name.All(char.IsAsciiDigit))
            .Select(name => new NodeProcess(int.Parse(name, System.Globalization.CultureInfo.InvariantCulture), [.. (files.Text($"/proc/{name}/cmdline") ?? "").Split('\0', StringSplitOptions.RemoveEmptyEntries)]))
            .Where(process => process.Arguments.Count > 0),
    ];

    /// <summary>True for <c>sluice daemon</c>, started as a program or with <c>dotnet sluice.dll</c>.</summary>
    public bool IsSluice(string command)
    {
        int program = Arguments.Take(2).ToList().FindIndex(argument => Path.GetFileName(argument) is "sluice" or "sluice.dll");
        return program >= 0 && program + 1 < Arguments.Count && Arguments[program + 1] == command;
    }

    /// <summary>The value of <c>--name VALUE</c> or <c>--name=VALUE</c>; null if it is not given.</summary>
    public string? Option(params IEnumerable<string> names)
    {
        foreach (string name in names)
        {
            for (int i = 0; i < Arguments.Count; i++)
            {
                if (Arguments[i] == name && i + 1 < Arguments.Count) return Arguments[i + 1];
                if (Arguments[i].StartsWith(name + "=", StringComparison.Ordinal)) return Arguments[i][(name.Length + 1)..];
            }
        }

        return null;
    }
}
