using System.CommandLine;
using Sluice.Cli.Output;
using Sluice.Formats;
using Sluice.Kernel.Keeper;
using Sluice.Node.Configuration;

namespace Sluice.Cli.Commands;

internal static class KeeperCommand
{
    public static Command Create()
    {
        var configuration = new Option<string?>("--config") { Description = $"The daemon's configuration file, for its state directory and deadlines (default {ConfigurationFile.DefaultPath}, if it exists)" };
        var state = new Option<string?>("--state") { Description = "State directory of the daemon whose connections are kept" };
        var deadline = new Option<int?>("--deadline") { Description = "Seconds that requests wait for a daemon before they get EIO; 0: for ever (default: the longest that any image has)" };
        var list = new Option<bool>("--list") { Description = "Print what the running keeper holds" };
        var stop = new Option<bool>("--stop") { Description = "End the running keeper; refused while it holds what no daemon serves" };
        var force = new Option<bool>("--force") { Description = "With --stop: end it all the same; what it holds is lost" };
        var command = new Command("keeper", "Hold the kernel's connections while the daemon is away.") { configuration, state, deadline, list, stop, force };
        command.SetAction(parsed =>
        {
            NodeOptions options = Read(parsed.GetValue(configuration), parsed.GetValue(state));
            string directory = Path.GetFullPath(parsed.GetValue(state) ?? options.State);
            if (parsed.GetValue(stop)) return Stop(directory, parsed.GetValue(force));
            if (parsed.GetValue(list)) return List(directory);
            int seconds = parsed.GetValue(deadline) ?? (int)options.LongestDeadline.TotalSeconds;
            if (seconds is < 0 or > 86400) throw new SluiceException(SluiceError.Usage, "--deadline", $"{seconds} is not a number of seconds from 0 to 86400");
            KeeperMain.Become(directory, TimeSpan.FromSeconds(seconds));
            return ExitCodes.Success;
        });
        return command;
    }

    /// <summary>A daemon that runs goes on with the file as it was while that is wrong, and must get its keeper back.</summary>
    private static NodeOptions Read(string? file, string? state)
    {
        try
        {
            return ConfigurationFile.Read(file);
        }
        catch (SluiceException wrong) when (file is null)
        {
            Console.Error.WriteLine($"sluice: {wrong.Message}; the keeper goes by the defaults{(state is null ? "" : " but for its place")}");
            return new NodeOptions();
        }
    }

    private static int Stop(string directory, bool force) =>
        KeeperProcess.Stop(directory, force) ? ExitCodes.Success : throw NotRunning(directory);

    private static int List(string directory)
    {
        foreach (string name in KeeperProcess.Names(directory) ?? throw NotRunning(directory)) Console.Out.WriteLine(name);
        return ExitCodes.Success;
    }

    private static SluiceException NotRunning(string directory) => new(SluiceError.NotFound, directory, "no keeper runs there");
}
