using System.CommandLine;
using Sluice.Node.Configuration;

namespace Sluice.Cli.Commands;

/// <summary>Options of the commands that are, or look at, a node: what is said on the command line wins over the configuration file.</summary>
internal sealed class NodeSettings
{
    private readonly Option<string?> _config = new("--config") { Description = $"Configuration file (default {ConfigurationFile.DefaultPath}, if it exists)" };
    private readonly Option<string?> _root = new("--root") { Description = "Persistent state (default /var/lib/sluice)" };
    private readonly Option<string?> _state = new("--state") { Description = "Volatile state (default /run/sluice)" };
    private readonly Option<string?> _address = new("--address") { Description = "Snapshotter socket (default /run/sluice/containerd.sock)" };
    private readonly Option<string?> _admin = new("--admin-address") { Description = "Admin socket (default /run/sluice/admin.sock)" };
    private readonly ImageOptions _images = new();

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_config, _root, _state, _address, _admin]) command.Options.Add(option);
        _images.AddTo(command);
    }

    /// <summary>The configuration file that was named; null: the default one, if it exists.</summary>
    public string? ConfigurationPath(ParseResult parsed) => parsed.GetValue(_config);

    public NodeOptions Read(ParseResult parsed) => Apply(parsed, ConfigurationFile.Read(ConfigurationPath(parsed)));

    public NodeOptions Apply(ParseResult parsed, NodeOptions options)
    {
        options = options with { Sources = _images.Apply(parsed, options.Sources) };
        if (parsed.GetValue(_root) is { } root) options = options with { Root = Path.GetFullPath(root) };
        if (parsed.GetValue(_state) is { } state) options = options with { State = Path.GetFullPath(state) };
        if (parsed.GetValue(_address) is { } socket) options = options with { Address = Path.GetFullPath(socket) };
        if (parsed.GetValue(_admin) is { } admin) options = options with { AdminAddress = Path.GetFullPath(admin) };
        return options;
    }
}
