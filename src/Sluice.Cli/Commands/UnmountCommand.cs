using System.CommandLine;
using Sluice.Formats;
using Sluice.Kernel.Mounts;
using Sluice.Node;
using Sluice.Node.Admin;
using Sluice.Node.Configuration;

namespace Sluice.Cli.Commands;

internal static class UnmountCommand
{
    public static Command Create()
    {
        var directory = new Argument<string?>("DIR") { Description = "Where the image is mounted", Arity = ArgumentArity.ZeroOrOne };
        var all = new Option<bool>("--all") { Description = "Everything that the daemon has mounted; it ends with that" };
        var config = new Option<string?>("--config") { Description = $"Configuration file (default {ConfigurationFile.DefaultPath}, if it exists)" };
        var root = new Option<string?>("--root") { Description = "As it was said to `sluice mount`, or to the daemon" };
        var state = new Option<string?>("--state") { Description = "As it was said to `sluice mount`, or to the daemon" };
        var command = new Command("umount", "Unmount what `sluice mount` has mounted, or all that the daemon has.") { directory, all, config, root, state };
        command.SetAction(async (parsed, cancellation) =>
        {
            NodeOptions options = ConfigurationFile.Read(parsed.GetValue(config));
            if (parsed.GetValue(all))
            {
                if (parsed.GetValue(directory) is not null) throw new SluiceException(SluiceError.Usage, "--all", "takes no directory");
                options = options with { Root = Path.GetFullPath(parsed.GetValue(root) ?? options.Root), State = Path.GetFullPath(parsed.GetValue(state) ?? options.State) };
                await UnmountAllAsync(options, cancellation);
                return ExitCodes.Success;
            }

            string target = Path.GetFullPath(parsed.GetValue(directory) ?? throw new SluiceException(SluiceError.Usage, "umount", "DIR is missing", "or say --all"));
            await UnmountAsync(target, MountPlaces.Of(target, parsed.GetValue(root), parsed.GetValue(state), options), cancellation);
            return ExitCodes.Success;
        });
        return command;
    }

    private static async Task UnmountAsync(string target, NodeOptions options, CancellationToken cancellation)
    {
        MountEntry entry = MountTable.Find(target) ?? throw new SluiceException(SluiceError.NotFound, target, "is not mounted");
        if (!ImageMounts.IsImage(entry)) throw new SluiceException(SluiceError.Usage, target, $"is a {entry.Type} mount, not one of Sluice", "use umount");

        // Where nobody serves it, it could not be written to its end, and what stands behind it would stay.
        if (IsLeft(options)) await StandaloneMount.TearDownAsync(options, Warn, cancellation);
        if (MountTable.Find(target)?.Id == entry.Id) MountCalls.Detach(target);
    }

    private static async Task UnmountAllAsync(NodeOptions options, CancellationToken cancellation)
    {
        if (!Directory.Exists(options.State)) return;
        if (IsLeft(options))
        {
            await StandaloneMount.TearDownAsync(options, Warn, cancellation);
            return;
        }

        await new AdminClient(options.AdminSocketPath).StopAsync(new StopRequest(Unmount: true), cancellation);
        await StandaloneMount.UntilLeftAsync(options, cancellation);
    }

    /// <summary>No process uses the state directory, though one has.</summary>
    private static bool IsLeft(NodeOptions options) => Directory.Exists(options.State) && StandaloneMount.IsLeft(options);

    private static void Warn(string message) => Console.Error.WriteLine($"sluice: {message}");
}
