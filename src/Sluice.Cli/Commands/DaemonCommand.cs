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
            var configuration = new LiveConfiguration(() => settings.Read(parsed), settings.ConfigurationPath(parsed) ?? ConfigurationFile.DefaultPath);
            var log = new StandardErrorLogger(configuration.Current);
            configuration.Changed += log.Apply;
            using ILoggerFactory loggers = LoggerFactory.Create(logging => logging
                .SetMinimumLevel(LogLevel.Debug)
                .AddFilter("Microsoft", LogLevel.Warning)
                .AddProvider(log));
            NodeDaemon? running = null;
            using var stop = new StopSignal(cancellation, () => running?.ReloadConfiguration());
            await using NodeDaemon daemon = await NodeDaemon.StartAsync(configuration, loggers, stop.Token);
            running = daemon;
            await stop.Signalled;
            return ExitCodes.Success;
        });
        return command;
    }
}
