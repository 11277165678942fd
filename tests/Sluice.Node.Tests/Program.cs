using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;

if (MountChild.TryRun(args, out int exitCode) || KeeperMain.TryRun(args, out exitCode)) return exitCode;
if (args.Any(argument => argument is "--server" or "--internal-msbuild-node"))
{
    return await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, (_, _) => { });
}

return await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
