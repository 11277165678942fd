using System.CommandLine;
using Microsoft.Extensions.Logging;
using Sluice.Cli.Output;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Syscalls;
using Sluice.Node;
using Sluice.Node.Configuration;

namespace Sluice.Cli.Commands;

internal static class DaemonCommand
{
    public static Command Create()
    {
        var settings = new NodeSettings();
        var takeOver = new Option<bool>("--take-over") { Description = "Succeed the running daemon: `sluice upgrade` starts one so", Hidden = true };
        var place = new Option<string>("--mount-namespace") { Description = "Where to mount: in this process's own mount namespace, or in the keeper's, where a service manager gives this process a copy (ProtectSystem=)", DefaultValueFactory = _ => "own" }
            .AcceptOnlyFromAmong("own", "keeper");
        var command = new Command("daemon", "Run the node daemon: snapshotter, cache and mounts.") { takeOver, place };
        settings.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            ProcessMemory.LimitArenas();
            ServiceManager.ClosePassed();
            var configuration = new LiveConfiguration(() => settings.Read(parsed) with { MountsBesideKeeper = parsed.GetValue(place) == "keeper" }, settings.ConfigurationPath(parsed) ?? ConfigurationFile.DefaultPath);
            var log = new StandardErrorLogger(configuration.Current);
            configuration.Changed += log.Apply;
            using ILoggerFactory loggers = new LoggerFactory([log], new LoggerFilterOptions { MinLevel = LogLevel.Debug, Rules = { new LoggerFilterRule(null, "Microsoft", LogLevel.Warning, null) } }); // LoggerFactory.Create takes a tenth of a start
            NodeDaemon? running = null;
            await using Watchdog? watchdog = Watchdog.Start(loggers.CreateLogger("sluice"));
            using var stop = new StopSignal(cancellation, () => running?.ReloadConfiguration());
            try
            {
                running = parsed.GetValue(takeOver)
                    ? await NodeDaemon.SucceedAsync(configuration, loggers, stop.Token)
                    : await NodeDaemon.StartAsync(configuration, loggers, stop.Token);
            }
            catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
            {
                return ExitCodes.Success; // a service that is stopped while it starts has not failed
            }

            await using NodeDaemon daemon = running;
            watchdog?.Serve(daemon.FindSilentAsync);
            ServiceManager.Ready();
            await Task.WhenAny(stop.Signalled, daemon.StopAsked);
            watchdog?.Leave();
            if (!daemon.StopAsked.IsCompleted) ServiceManager.Stopping(); // else another one may be the service by now
            bool unmount = daemon.StopAsked.IsCompleted && await daemon.StopAsked;
            if (!unmount) await daemon.LeaveAsync();
            return ExitCodes.Success;
        });
        return command;
    }
}
