using System.CommandLine;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Admin;

namespace Sluice.Cli.Commands;

internal static class PullCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("IMAGE") { Description = "An accelerated image in a registry: HOST/REPO:TAG" };
        var daemon = new DaemonOptions();
        var snapshotter = new Option<string>("--snapshotter") { Description = "Name of the Sluice snapshotter in containerd's configuration", DefaultValueFactory = _ => "sluice" };
        Option<string?> platform = ImageOptions.PlatformOption();
        var command = new Command("pull", "Register an image with containerd without downloading it.") { name, snapshotter, platform };
        daemon.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            ImageReference reference = ImageReference.Parse(parsed.GetValue(name)!);
            if (reference.Transport != ImageTransport.Registry) throw new SluiceException(SluiceError.Usage, parsed.GetValue(name)!, "containerd pulls from registries only", "name it HOST/REPO:TAG");
            PulledImage image = await daemon.Client(parsed).PullAsync(
                new PullRequest
                {
                    Image = parsed.GetValue(name)!,
                    Platform = parsed.GetValue(platform),
                    Containerd = daemon.Containerd(parsed),
                    Namespace = daemon.Namespace(parsed),
                    Snapshotter = parsed.GetValue(snapshotter)!,
                },
                cancellation);
            if (image.Warning is not null) Console.Error.WriteLine($"warning: {image.Warning}");
            Console.Out.WriteLine($"{image.Name}  {image.Digest}");
            return ExitCodes.Success;
        });
        return command;
    }
}
