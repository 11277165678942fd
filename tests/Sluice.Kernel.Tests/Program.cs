using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Tests.Support;

if (MountChild.TryRun(args, out int exitCode) || KeeperMain.TryRun(args, out exitCode)) return exitCode;
if (VictimServer.TryRun(args)) return 0;
if (args.Any(argument => argument is "--server" or "--internal-msbuild-node"))
{
    return await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, (_, _) => { });
}

return await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
