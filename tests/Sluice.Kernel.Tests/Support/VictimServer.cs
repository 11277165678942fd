using Sluice.Kernel.Fuse;
using Sluice.Kernel.Keeper;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Tests.Support;

/// <summary>
/// A disk server in a process of its own, to be killed: <c>__serve MOUNTPOINT local|hanging|writable FILE…</c>. With <see cref="KeeperVariable"/> it gives its
/// connection to the keeper of that state directory, named as the mount point.
/// </summary>
internal static class VictimServer
{
    public const string Argument = "__serve";
    public const string KeeperVariable = "SLUICE_TEST_KEEPER";

    public static bool TryRun(string[] args)
    {
        if (args.Length < 3 || args[0] != Argument) return false;
        RunAsync(args).GetAwaiter().GetResult();
        return true;
    }

    private static async Task RunAsync(string[] args)
    {
        DiskServer server = await DiskServer.StartAsync(new DiskServerOptions { MountPoint = args[1], Writable = args[2] == "writable" }, Console.Error.WriteLine);
        foreach (string file in args[3..])
        {
            server.Add(args[2] switch
            {
                "hanging" => Hanging(file),
                "writable" => new WritableMemoryDisk(Path.GetFileName(file), 1 << 20) { OnFlush = SayAndHang },
                _ => new FileDisk(Path.GetFileName(file), file),
            });
        }

        if (Environment.GetEnvironmentVariable(KeeperVariable) is { } state)
        {
            KeeperProcess keeper = await KeeperProcess.ConnectOrStartAsync(new KeeperOptions { State = state }, Console.Error.WriteLine);
            keeper.Keep(Path.GetFileName(args[1]), server.Descriptor);
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

    private static void SayAndHang()
    {
        Console.WriteLine("asked");
        Thread.Sleep(Timeout.Infinite);
    }
}
