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
        var config = new Option<string?>("--config") { Description = $"Configuration file (default {ConfigurationFile.DefaultPath}, if it exists)" };
        var root = new Option<string?>("--root") { Description = "Persistent state (default /var/lib/sluice)" };
        var state = new Option<string?>("--state") { Description = "Volatile state (default /run/sluice)" };
        var address = new Option<string?>("--address") { Description = "Snapshotter socket (default /run/sluice/containerd.sock)" };
        var admin = new Option<string?>("--admin-address") { Description = "Admin socket (default /run/sluice/admin.sock)" };
        var images = new ImageOptions();
        var command = new Command("daemon", "Run the node daemon: snapshotter, cache and mounts.") { config, root, state, address, admin };
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            NodeOptions Read()
            {
                NodeOptions options = ConfigurationFile.Read(parsed.GetValue(config));
                options = options with { Sources = images.Apply(parsed, options.Sources) };
                if (parsed.GetValue(root) is { } rootPath) options = options with { Root = Path.GetFullPath(rootPath) };
                if (parsed.GetValue(state) is { } statePath) options = options with { State = Path.GetFullPath(statePath) };
                if (parsed.GetValue(address) is { } socket) options = options with { Address = Path.GetFullPath(socket) };
                if (parsed.GetValue(admin) is { } adminSocket) options = options with { AdminAddress = Path.GetFullPath(adminSocket) };
                return options;
            }

            var configuration = new LiveConfiguration(Read, parsed.GetValue(config) ?? ConfigurationFile.DefaultPath);
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
