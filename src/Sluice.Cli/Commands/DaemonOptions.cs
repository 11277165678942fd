using System.CommandLine;
using Sluice.Containerd.Client;
using Sluice.Formats;
using Sluice.Node.Admin;
using Sluice.Node.Configuration;

namespace Sluice.Cli.Commands;

/// <summary>Options of the commands that ask the daemon to do something with containerd.</summary>
internal sealed class DaemonOptions
{
    private readonly Option<string?> _admin = new("--admin-address") { Description = $"The daemon's admin socket (default: the one that {ConfigurationFile.DefaultPath} names, or {new NodeOptions().AdminSocketPath})" };
    private readonly Option<string> _address = new("--containerd-address") { Description = "containerd's socket: a path, or unix://PATH", DefaultValueFactory = _ => ContainerdClient.DefaultSocket };
    private readonly Option<string> _namespace = new("--namespace", "-n") { Description = "containerd namespace", DefaultValueFactory = _ => "default" };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_admin, _address, _namespace]) command.Options.Add(option);
    }

    /// <summary>For commands that ask for nothing of containerd.</summary>
    public void AddSocketTo(Command command) => command.Options.Add(_admin);

    public AdminClient Client(ParseResult parsed) => new(parsed.GetValue(_admin) ?? ConfigurationFile.Read(null).AdminSocketPath);

    public string Namespace(ParseResult parsed) => parsed.GetValue(_namespace)!;

    /// <summary>Absolute path of containerd's socket.</summary>
    /// <exception cref="SluiceException"><see cref="SluiceError.Usage"/>.</exception>
    public string Containerd(ParseResult parsed)
    {
        const string Scheme = "unix://";
        string address = parsed.GetValue(_address)!;
        string path = address.StartsWith(Scheme, StringComparison.Ordinal) ? address[Scheme.Length..] : address;
        return path.Length > 0 ? Path.GetFullPath(path) : throw new SluiceException(SluiceError.Usage, "--containerd-address", $"'{address}' names no socket", "give the path of containerd's socket");
    }
}
