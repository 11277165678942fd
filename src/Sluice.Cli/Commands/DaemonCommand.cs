using System.CommandLine;
using Microsoft.Extensions.Logging;
using Sluice.Cli.Output;
using Sluice.Kernel.Keeper;
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
        var takeOver = new Option<bool>("--take-over") { Description = "Succeed the running daemon: `sluice upgrade` starts one so", Hidden = true };
        var images = new ImageOptions();
        var command = new Command("daemon", "Run the node daemon: snapshotter, cache and mounts.") { config, root, state, address, admin, takeOver };
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            NodeOptions options = ConfigurationFile.Read(parsed.GetValue(config));
            options = options with { Sources = images.Apply(parsed, options.Sources) };
            if (parsed.GetValue(root) is { } rootPath) options = options with { Root = Path.GetFullPath(rootPath) };
            if (parsed.GetValue(state) is { } statePath) options = options with { State = Path.GetFullPath(statePath) };
            if (parsed.GetValue(address) is { } socket) options = options with { Address = Path.GetFullPath(socket) };
            if (parsed.GetValue(admin) is { } adminSocket) options = options with { AdminAddress = Path.GetFullPath(adminSocket) };
            using ILoggerFactory loggers = LoggerFactory.Create(logging => logging
                .SetMinimumLevel(options.Verbose ? LogLevel.Debug : LogLevel.Information)
                .AddFilter("Microsoft", LogLevel.Warning)
                .AddProvider(new StandardErrorLogger()));
            using var stop = new StopSignal(cancellation);
            await using NodeDaemon daemon = parsed.GetValue(takeOver)
                ? await NodeDaemon.SucceedAsync(options, loggers, stop.Token)
                : await NodeDaemon.StartAsync(options, loggers, stop.Token);
            ServiceManager.Ready();
            await Task.WhenAny(stop.Signalled, daemon.StopAsked);
            if (!daemon.StopAsked.IsCompleted) ServiceManager.Stopping(); // else another one may be the service by now
            bool unmount = daemon.StopAsked.IsCompleted && await daemon.StopAsked;
            if (!unmount) await daemon.LeaveAsync();
            return ExitCodes.Success;
        });
        return command;
    }
}
