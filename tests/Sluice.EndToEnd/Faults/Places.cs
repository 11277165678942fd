using Sluice.EndToEnd.Harness;
using Sluice.Testing;

namespace Sluice.EndToEnd.Faults;

/// <summary>Directories of a mount, and its configuration; unmounts what is left and removes everything.</summary>
internal sealed class Places : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public Places(int deadlineSeconds = 2)
    {
        File.WriteAllText(Config, $"fetch:\n  deadline_seconds: {deadlineSeconds}\n  amplification_kb: 64\n");
        Root = Of("root");
    }

    public string Config => Of("config.yaml");

    public string Root { get; set; }

    public string State => Of("state");

    public string Target => Of("target");

    public string Of(string name) => _directory.File(name);

    public void Dispose()
    {
        Leftovers.End(_directory.Path, Directory.Exists(State) ? [State] : []);
        _directory.Dispose();
    }
}
