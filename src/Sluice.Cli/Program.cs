using System.CommandLine;
using Sluice.Cli.Commands;
using Sluice.Cli.Output;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;

namespace Sluice.Cli;

internal static class Program
{
    private static int Main(string[] args)
    {
        if (MountChild.TryRun(args, out int exitCode) || KeeperMain.TryRun(args, out exitCode)) return exitCode;
        Console.SetOut(new StreamWriter(StandardOutput.Open()) { AutoFlush = true });
        var root = new RootCommand("Sluice starts containers before their images are downloaded.")
        {
            ConvertCommand.Create(),
            CheckCommand.Create(),
            InspectCommand.Create(),
            ListCommand.Create(),
            CatCommand.Create(),
            UnpackCommand.Create(),
            MountCommand.Create(),
            UnmountCommand.Create(),
            DaemonCommand.Create(),
            KeeperCommand.Create(),
            UpgradeCommand.Create(),
            StatusCommand.Create(),
            ReloadCommand.Create(),
            DoctorCommand.Create(),
            ExplainCommand.Create(),
            TraceCommand.Create(),
            PolicyCommand.Create(),
            PullCommand.Create(),
            CommitCommand.Create(),
            CacheCommand.Create(),
            RegistryCommand.Create(),
        };
        return CommandRunner.Run(root, args);
    }
}
