using System.Collections.Concurrent;
using Sluice.Kernel.Fuse;
using Sluice.Storage.Disks;
using Sluice.Testing;

namespace Sluice.Kernel.Tests.Support;

/// <summary>A disk server on a temporary mount point.</summary>
internal sealed class ServedDisks : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory;

    private ServedDisks(TemporaryDirectory directory, DiskServer server, ConcurrentQueue<string> log)
    {
        _directory = directory;
        Server = server;
        Log = log;
    }

    public DiskServer Server { get; }

    public ConcurrentQueue<string> Log { get; }

    public string MountPoint => Path.Combine(_directory.Path, "disks");

    /// <summary>A directory beside the mount point, on the plain file system.</summary>
    public string Directory => _directory.Path;

    public static async Task<ServedDisks> StartAsync(Func<DiskServerOptions, DiskServerOptions>? adjust = null)
    {
        Root.Required();
        var directory = new TemporaryDirectory();
        var log = new ConcurrentQueue<string>();
        var options = new DiskServerOptions { MountPoint = Path.Combine(directory.Path, "disks") };
        return new ServedDisks(directory, await DiskServer.StartAsync(adjust?.Invoke(options) ?? options, log.Enqueue), log);
    }

    public string Add(IDisk disk) => Server.Add(disk);

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Assert.Null(Kernel.Mounts.MountTable.Find(MountPoint));
        _directory.Dispose();
    }
}
