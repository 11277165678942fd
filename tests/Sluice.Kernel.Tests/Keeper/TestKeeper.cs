using System.Globalization;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;
using Sluice.Testing;

namespace Sluice.Kernel.Tests.Keeper;

/// <summary>A state directory with a keeper that is started on demand, and what a test does to it. Ends with it, whatever it holds.</summary>
internal sealed class TestKeeper : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public TestKeeper() => Directory.CreateDirectory(State);

    public string State => _directory.File("state");

    /// <summary>Where a disk server may mount.</summary>
    public string Disks => _directory.File("disks");

    public string Socket => Path.Combine(State, KeeperSocket.FileName);

    public string Log => System.IO.File.Exists(Path.Combine(State, "keeper.log")) ? System.IO.File.ReadAllText(Path.Combine(State, "keeper.log")) : "";

    public int Process
    {
        get
        {
            using KeeperSocket socket = Connect();
            return socket.Peer().Process;
        }
    }

    /// <summary>The files that are mapped: what it has loaded.</summary>
    public static IReadOnlyList<string> Loaded(int process) =>
        [.. System.IO.File.ReadLines($"/proc/{process}/maps").Select(line => line.Split(' ')[^1]).Where(path => path.StartsWith('/')).Distinct().Order()];

    /// <summary>How many descriptors it has, whatever they are, or of <c>/dev/fuse</c>.</summary>
    public static int OpenDescriptors(int process, string target = "") =>
        Directory.GetFileSystemEntries($"/proc/{process}/fd").Count(fd => new FileInfo(fd).LinkTarget?.Contains(target, StringComparison.Ordinal) == true);

    public string File(string name) => _directory.File(name);

    public Task<KeeperProcess> OpenAsync(TimeSpan? deadline = null) =>
        KeeperProcess.ConnectOrStartAsync(new KeeperOptions { State = State, Deadline = deadline ?? TimeSpan.Zero }, _ => { });

    public KeeperSocket Connect() => KeeperSocket.TryConnect(State, TimeSpan.FromSeconds(10)) ?? throw new InvalidOperationException("no keeper");

    public IReadOnlyList<string> Names() => KeeperProcess.Names(State)!;

    public async Task SignalAsync(string signal) => await Support.Command.OutputAsync("kill", "-" + signal, Process.ToString(CultureInfo.InvariantCulture));

    public void Dispose()
    {
        foreach (MountEntry mount in MountTable.Below(_directory.Path)) MountCalls.Detach(mount.MountPoint);
        KeeperProcess.Stop(State, anyway: true);
        _directory.Dispose();
    }
}
