using System.CommandLine;
using Sluice.Node.Configuration;

namespace Sluice.Cli.Commands;

internal static class ReloadCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var command = new Command("reload", "Have the daemon read its configuration again.");
        daemon.AddSocketTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            ReloadedConfiguration result = await daemon.Client(parsed).ReloadAsync(cancellation);
            if (result.Changed.Count > 0) Console.Out.WriteLine($"changed: {string.Join(", ", result.Changed)}");
            if (result.Restart.Count > 0) Console.Out.WriteLine($"restart needed: {string.Join(", ", result.Restart)}");
            if (result.Changed.Count + result.Restart.Count == 0) Console.Out.WriteLine("nothing has changed");
            return ExitCodes.Success;
        });
        return command;
    }
}
