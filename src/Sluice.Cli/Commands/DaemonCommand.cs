using System.CommandLine;
using Microsoft.Extensions.Logging;
using Sluice.Cli.Output;
using Sluice.Node;
using Sluice.Node.Configuration;

namespace Sluice.Cli.Commands;

internal static class DaemonCommand
{
    public static Command Create()
    {
        var settings = new NodeSettings();
        var command = new Command("daemon", "Run the node daemon: snapshotter, cache and mounts.");
        settings.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            NodeOptions options = settings.Read(parsed);
            using ILoggerFactory loggers = LoggerFactory.Create(logging => logging
                .SetMinimumLevel(options.Verbose ? LogLevel.Debug : LogLevel.Information)
                .AddFilter("Microsoft", LogLevel.Warning)
                .AddProvider(new StandardErrorLogger()));
            using var stop = new StopSignal(cancellation);
            await using NodeDaemon daemon = await NodeDaemon.StartAsync(options, loggers, stop.Token);
            await stop.Signalled;
            return ExitCodes.Success;
        });
        return command;
    }
}
