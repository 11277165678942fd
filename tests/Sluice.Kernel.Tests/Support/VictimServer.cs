using Sluice.Kernel.Fuse;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Tests.Support;

/// <summary>A disk server in a process of its own, to be killed: <c>__serve MOUNTPOINT local|hanging FILE…</c>.</summary>
internal static class VictimServer
{
    public const string Argument = "__serve";

    public static bool TryRun(string[] args)
    {
        if (args.Length < 3 || args[0] != Argument) return false;
        RunAsync(args).GetAwaiter().GetResult();
        return true;
    }

    private static async Task RunAsync(string[] args)
    {
        DiskServer server = await DiskServer.StartAsync(new DiskServerOptions { MountPoint = args[1] }, Console.Error.WriteLine);
        foreach (string file in args[3..])
        {
            server.Add(args[2] == "hanging" ? Hanging(file) : new FileDisk(Path.GetFileName(file), file, local: args[2] == "local"));
        }

        Console.WriteLine("ready");
        await server.Ended;
    }

    /// <summary>A disk that says on standard output when it is asked for something, and never answers.</summary>
    private static PatternDisk Hanging(string file) => new(Path.GetFileName(file), new FileInfo(file).Length, 0)
    {
        IsLocal = _ => false,
        Fetch = _ =>
        {
            Console.WriteLine("asked");
            return new ValueTask<DiskError>(new TaskCompletionSource<DiskError>().Task);
        },
    };
}
