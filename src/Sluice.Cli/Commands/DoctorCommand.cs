using System.CommandLine;
using Sluice.Cli.Output;
using Sluice.Containerd.Client;
using Sluice.Formats;
using Sluice.Node.Configuration;
using Sluice.Node.Doctor;

namespace Sluice.Cli.Commands;

internal static class DoctorCommand
{
    public static Command Create()
    {
        var settings = new NodeSettings();
        var containerd = new Option<string>("--containerd-address") { Description = "containerd's socket", DefaultValueFactory = _ => ContainerdClient.DefaultSocket };
        var file = new Option<string?>("--containerd-config") { Description = "containerd's configuration (default: what the running containerd was given, or /etc/containerd/config.toml)" };
        var registries = new Option<string[]>("--registry") { Description = "A registry to ask, HOST[:PORT]; besides those that this node's images and host directories name", AllowMultipleArgumentsPerToken = false };
        var offline = new Option<bool>("--offline") { Description = "Ask no registry" };
        var json = new Option<bool>("--json") { Description = "Print the findings as JSON" };
        var command = new Command("doctor", "Find what is wrong with this node, and how to mend it. Changes nothing.") { containerd, file, registries, offline, json };
        settings.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            foreach (string registry in parsed.GetValue(registries) ?? []) RequireHost(registry);
            (NodeOptions node, SluiceException? error) = ReadNode(settings, parsed);
            DoctorReport report = await NodeDoctor.RunAsync(
                new DoctorOptions
                {
                    Node = node,
                    ConfigurationPath = settings.ConfigurationPath(parsed) ?? ConfigurationFile.DefaultPath,
                    ConfigurationError = error,
                    Containerd = Path.GetFullPath(parsed.GetValue(containerd)!.Replace("unix://", "", StringComparison.Ordinal)),
                    ContainerdConfiguration = parsed.GetValue(file) is { } path ? Path.GetFullPath(path) : null,
                    Registries = parsed.GetValue(registries) ?? [],
                    Network = !parsed.GetValue(offline),
                },
                cancellation);
            if (parsed.GetValue(json)) Console.Out.WriteLine(DoctorText.ToJson(report));
            else DoctorText.Print(report, Console.Out, Terminal.Width);
            return report.IsHealthy ? ExitCodes.Success : ExitCodes.Different;
        });
        return command;
    }

    private static void RequireHost(string registry)
    {
        const string AnyRepository = "/x";
        bool isHost = !registry.Contains('/', StringComparison.Ordinal) && Uri.TryCreate($"https://{registry}{AnyRepository}", UriKind.Absolute, out Uri? address) && address is { Host.Length: > 0, UserInfo.Length: 0, AbsolutePath: AnyRepository };
        if (!isHost) throw new SluiceException(SluiceError.Usage, "--registry", $"'{registry}' is no HOST[:PORT]", "name it as the images' names begin");
    }

    /// <summary>A broken configuration file is a finding, and the rest is looked at with the defaults.</summary>
    private static (NodeOptions Node, SluiceException? Error) ReadNode(NodeSettings settings, ParseResult parsed)
    {
        try
        {
            return (settings.Read(parsed), null);
        }
        catch (SluiceException error) when (error.Error == SluiceError.Configuration)
        {
            return (settings.Apply(parsed, new NodeOptions()), error);
        }
    }
}
