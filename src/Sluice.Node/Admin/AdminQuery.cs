namespace Sluice.Node.Admin;

/// <summary>The parameters of a GET request. Each is taken once; what nobody took is an error.</summary>
internal sealed class AdminQuery(Dictionary<string, string> parameters)
{
    private readonly List<string> _known = [];

    /// <summary>The value of a parameter; null if it is missing or empty.</summary>
    public string? Take(string name)
    {
        _known.Add(name);
        return parameters.Remove(name, out string? value) && value.Length > 0 ? value : null;
    }

    /// <exception cref="Formats.SluiceException">The parameter is missing.</exception>
    public string Require(string name) => Take(name) ?? throw AdminJson.Wrong($"the parameter '{name}' is missing");

    /// <summary>True, for the end of an expression.</summary>
    /// <exception cref="Formats.SluiceException">A parameter was not taken.</exception>
    public bool End() => parameters.Count == 0
        ? true
        : throw AdminJson.Wrong($"'{parameters.Keys.First()}' is not a parameter{(_known.Count == 0 ? "; there are none" : $"; there are: {string.Join(", ", _known)}")}");
}
