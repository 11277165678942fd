namespace Sluice.Node.Doctor.Facts;

/// <summary>The variables of a daemon's environment that decide how registries are reached.</summary>
internal static class NodeEnvironment
{
    private static readonly string[] Names =
        ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HOME", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "PATH"];

    /// <summary>Those of the daemon; of this process if none runs, or it may not be looked at.</summary>
    public static IReadOnlyDictionary<string, string> Read(NodeFiles files, IReadOnlyList<NodeProcess> daemons)
    {
        IEnumerable<string[]>? pairs = daemons.Count > 0 && files.Text($"/proc/{daemons[0].Id}/environ") is { Length: > 0 } text ? text.Split('\0').Select(pair => pair.Split('=', 2)) : null;
        return Names.Select(name => (Name: name, Value: pairs is null ? Environment.GetEnvironmentVariable(name) : pairs.FirstOrDefault(pair => pair.Length == 2 && pair[0] == name)?[1]))
            .Where(variable => !string.IsNullOrEmpty(variable.Value)).ToDictionary(variable => variable.Name, variable => variable.Value!, StringComparer.Ordinal);
    }

    /// <summary>Lets this process reach registries as the daemon does. Before the first request: the proxy is looked up once.</summary>
    public static void Adopt(IReadOnlyDictionary<string, string> variables)
    {
        foreach (string name in Names.Where(name => name != "PATH" || variables.ContainsKey(name))) Environment.SetEnvironmentVariable(name, variables.GetValueOrDefault(name));
    }
}
