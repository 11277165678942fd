using System.CommandLine;
using Sluice.Containerd.Client;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Admin;
using Sluice.Node.Configuration;

namespace Sluice.Cli.Commands;

internal static class PullCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("IMAGE") { Description = "An accelerated image in a registry: HOST/REPO:TAG" };
        var admin = new Option<string?>("--admin-address") { Description = $"The daemon's admin socket (default: the one that {ConfigurationFile.DefaultPath} names, or {new NodeOptions().AdminSocketPath})" };
        var address = new Option<string>("--containerd-address") { Description = "containerd's socket: a path, or unix://PATH", DefaultValueFactory = _ => ContainerdClient.DefaultSocket };
        var containerNamespace = new Option<string>("--namespace", "-n") { Description = "containerd namespace", DefaultValueFactory = _ => "default" };
        var snapshotter = new Option<string>("--snapshotter") { Description = "Name of the Sluice snapshotter in containerd's configuration", DefaultValueFactory = _ => "sluice" };
        Option<string?> platform = ImageOptions.PlatformOption();
        var command = new Command("pull", "Register an image with containerd without downloading it.") { name, admin, address, containerNamespace, snapshotter, platform };
        command.SetAction(async (parsed, cancellation) =>
        {
            ImageReference reference = ImageReference.Parse(parsed.GetValue(name)!);
            if (reference.Transport != ImageTransport.Registry) throw new SluiceException(SluiceError.Usage, parsed.GetValue(name)!, "containerd pulls from registries only", "name it HOST/REPO:TAG");
            PulledImage image = await new AdminClient(parsed.GetValue(admin) ?? ConfigurationFile.Read(null).AdminSocketPath).PullAsync(
                new PullRequest
                {
                    Image = parsed.GetValue(name)!,
                    Platform = parsed.GetValue(platform),
                    Containerd = SocketPath(parsed.GetValue(address)!),
                    Namespace = parsed.GetValue(containerNamespace)!,
                    Snapshotter = parsed.GetValue(snapshotter)!,
                },
                cancellation);
            Console.Out.WriteLine($"{image.Name}  {image.Digest}");
            return ExitCodes.Success;
        });
        return command;
    }

    private static string SocketPath(string address)
    {
        const string Scheme = "unix://";
        string path = address.StartsWith(Scheme, StringComparison.Ordinal) ? address[Scheme.Length..] : address;
        return path.Length > 0 ? Path.GetFullPath(path) : throw new SluiceException(SluiceError.Usage, "--containerd-address", $"'{address}' names no socket", "give the path of containerd's socket");
    }
}
