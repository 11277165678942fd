using Sluice.Containerd.Client;
using Sluice.Formats.Oci;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;
using Sluice.Storage.Sources;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Harness;

/// <summary>A registry, a Sluice daemon and a containerd that belong together, below one directory.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    private readonly Workspace _workspace = new();
    private ContainerdOptions _containerd = null!;

    private TestNode()
    {
    }

    public Workspace Workspace => _workspace;

    public TestRegistry Registry { get; private set; } = null!;

    /// <summary>Null while it is stopped.</summary>
    public SluiceDaemon? Daemon { get; private set; }

    /// <summary>What the next daemon gets beside this process's environment.</summary>
    public Dictionary<string, string> DaemonEnvironment { get; } = [];

    public ContainerdProcess Containerd { get; private set; } = null!;

    /// <summary>Persistent state of the daemon.</summary>
    public string Root => SluiceDaemon.RootOf(_workspace.File("sluice"));

    /// <summary>Volatile state of the daemon.</summary>
    public string State => SluiceDaemon.StateOf(_workspace.File("sluice"));

    /// <summary>The daemon's admin socket.</summary>
    public string AdminSocket => SluiceDaemon.AdminSocketOf(_workspace.File("sluice"));

    /// <summary>The FUSE mount with the daemon's disks.</summary>
    public string Disks => Path.Combine(State, "disks");

    /// <summary>Images that the daemon has mounted.</summary>
    public IReadOnlyList<MountEntry> ImageMounts => MountTable.Below(Path.Combine(State, "images"));

    /// <summary>Directories of the blobs of which something is cached.</summary>
    public IReadOnlyList<string> CachedBlobs => Directory.Exists(Path.Combine(Root, "cache", "sha256")) ? Directory.GetFileSystemEntries(Path.Combine(Root, "cache", "sha256")) : [];

    /// <summary>Skips the calling test where something is missing.</summary>
    /// <param name="change">Changes the options of containerd, which get the host of the registry.</param>
    /// <param name="daemon">More arguments of the daemon.</param>
    public static async Task<TestNode> StartAsync(Func<ContainerdOptions, string, ContainerdOptions>? change = null, params string[] daemon)
    {
        TestMachine.RequireContainerd();
        TestNode node = new();
        try
        {
            node.Registry = await TestRegistry.StartAsync(node._workspace.File("registry"));
            await node.StartDaemonAsync(daemon);
            ContainerdOptions options = new() { SnapshotterSocket = SluiceDaemon.SocketOf(node._workspace.File("sluice")) };
            node._containerd = change?.Invoke(options, node.Registry.Host) ?? options;
            await node.StartContainerdAsync();
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    public string Image(string name) => $"{Registry.Host}/{name}";

    public async Task StartDaemonAsync(params string[] more)
    {
        Assert.Null(Daemon);
        Daemon = await SluiceDaemon.StartAsync(_workspace.File("sluice"), DaemonEnvironment, more);
        if (Containerd is not null) await Containerd.FindSnapshotterAsync();
    }

    /// <summary>Ends the daemon in order and unmounts everything.</summary>
    public async Task UnmountAllAsync()
    {
        SluiceDaemon? daemon = Daemon;
        Daemon = null;
        (await SluiceDaemon.UnmountAllAsync(_workspace.File("sluice"))).Succeeds();
        if (daemon is not null) await daemon.DisposeAsync();
    }

    /// <summary>SIGTERM: what is mounted waits for the next daemon.</summary>
    public async Task StopDaemonAsync()
    {
        SluiceDaemon daemon = Daemon!;
        Daemon = null;
        await using (daemon) await daemon.StopAsync();
    }

    public async Task KillDaemonAsync()
    {
        SluiceDaemon daemon = Daemon!;
        Daemon = null;
        await using (daemon) await daemon.KillAsync();
    }

    /// <summary>The daemon and its keeper are killed: what was mounted is dead.</summary>
    public async Task CrashAsync()
    {
        await KillDaemonAsync();
        KeeperProcess.Stop(State, anyway: true);
    }

    /// <summary>
    /// The machine loses its power and starts again: every process of the node and of its containers is killed, nothing is mounted, and the directories that live in memory are empty. The daemon runs then, and containerd.
    /// </summary>
    public async Task RebootAsync()
    {
        SluiceDaemon daemon = Daemon!;
        Daemon = null;
        await using (daemon)
        {
            await Processes.KillTreesAsync(_workspace.Root + "/");
            await daemon.KillAsync();
        }

        foreach (MountEntry mount in _workspace.Mounts()) MountCalls.Detach(mount.MountPoint);
        await Containerd.DisposeAsync(); // and what runc knows of the containers
        Directory.Delete(State, recursive: true);
        Directory.Delete(_workspace.File("containerd/state"), recursive: true);
        Daemon = await SluiceDaemon.StartAsync(_workspace.File("sluice"), DaemonEnvironment);
        await StartContainerdAsync();
    }

    private async Task StartContainerdAsync() => Containerd = await ContainerdProcess.StartAsync(_workspace.File("containerd"), _containerd);

    public ContainerdClient Connect(string containerNamespace = "default") => Containerd.Connect(containerNamespace);

    /// <summary>Runs ctr and fails the test with its output, and the daemon's log, when it fails.</summary>
    public async Task<string> CtrAsync(params string[] arguments)
    {
        (int exitCode, string output) = await Containerd.TryCtrAsync(arguments);
        Assert.True(exitCode == 0, $"ctr {string.Join(' ', arguments)}\n{output}\n{Containerd.LogTail()}\n{Daemon?.Log}");
        return output;
    }

    /// <summary><c>sluice pull</c> into this node's containerd.</summary>
    public Task<SluiceResult> TryPullAsync(string image, params string[] more) =>
        SluiceProgram.RunAsync(["pull", image, "--admin-address", AdminSocket, "--containerd-address", Containerd.Socket, .. more]);

    public async Task PullAsync(string image, params string[] more)
    {
        SluiceResult result = await TryPullAsync(image, more);
        Assert.True(result.ExitCode == 0, $"sluice pull {image}: {result.ExitCode}\n{result.Error}\n{Daemon?.Log}");
    }

    /// <summary>An id for a container: runc wants them to be unique on the whole machine.</summary>
    public string Id(string id) => $"{Path.GetFileName(_workspace.Root)}-{id}";

    /// <summary>Runs a container to its end and returns what it said.</summary>
    public Task<string> RunAsync(string image, string id, params string[] command) => RunWithAsync("sluice", image, id, command);

    /// <summary>Runs a container on a snapshotter of choice.</summary>
    public Task<string> RunWithAsync(string snapshotter, string image, string id, params string[] command) =>
        LoggedAsync(log => ["run", "--rm", "--log-uri", log, "--snapshotter", snapshotter, image, Id(id), .. command]);

    /// <summary>Pushes an ordinary image, converts it, and returns the converted one's name.</summary>
    /// <param name="name">Of the ordinary one; the converted one has the tag with the format behind.</param>
    public async Task<string> ConvertedAsync(OrdinaryImage image, ImageFormat format = ImageFormat.Rafs, string name = "app:v1")
    {
        await image.PushAsync(Image(name));
        string converted = $"{Image(name)}-{format}";
        await ConvertedImages.PushAsync(image, format, converted);
        return converted;
    }

    /// <summary>Makes containerd remove what nothing refers to, and waits until it has.</summary>
    public async Task CollectGarbageAsync(string containerNamespace = "default")
    {
        using ContainerdClient client = Connect(containerNamespace);
        await client.Leases.CreateAsync("collect", DateTimeOffset.UtcNow.AddHours(1), TestMachine.Cancellation);
        await client.Leases.DeleteAsync("collect", wait: true, TestMachine.Cancellation);
    }

    /// <summary>No image is here any more, and nothing that one took: mounts, disks, loop devices, metadata, cached data, snapshots.</summary>
    public async Task AssertNothingIsLeftAsync()
    {
        await CollectGarbageAsync();
        Assert.Empty(ImageMounts);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(State, "images")));
        Assert.Empty(Directory.GetFiles(Disks));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(Root, "images")));
        Assert.Empty(CachedBlobs);
        Assert.Empty(Directory.GetDirectories(Path.Combine(Root, "snapshots")));
        await TestMachine.UntilAsync(() => Loops.Below(Workspace.Root).Count == 0, "no loop devices are left"); // the kernel gives them back a moment after the unmount
    }

    /// <summary>Digests of the layers of an image in the registry, bottom first.</summary>
    public static async Task<IReadOnlyList<string>> LayersAsync(string image)
    {
        ImageReference reference = ImageReference.Parse(image);
        await using IImageStore store = ImageStores.Open(reference, new SourceOptions());
        StoredManifest stored = await store.GetManifestAsync(reference.TagOrDigest, TestMachine.Cancellation);
        return [.. ImageManifest.Parse(stored.Content.Span, stored.MediaType).Layers.Select(layer => layer.Digest.ToString())];
    }

    /// <summary>Mounts a read-only view of the one lazy image that there is.</summary>
    public async Task<string> ViewAsync(string name)
    {
        const string label = "containerd.io/gc.ref.snapshot.sluice";
        using ContainerdClient client = Connect();
        string top = (await client.Content.ListAsync([], TestMachine.Cancellation)).Select(blob => blob.Labels.GetValueOrDefault(label)).Single(value => value is not null)!;
        string directory = Workspace.MakeDirectory(name);
        await client.Leases.CreateAsync("keep-" + name, DateTimeOffset.UtcNow.AddHours(1), TestMachine.Cancellation);
        using ContainerdClient leased = client.WithLease("keep-" + name); // else the next collection of garbage takes the view
        await leased.Snapshots("sluice").ViewAsync(name, top, TestMachine.Cancellation);
        string mount = await CtrAsync("snapshots", "--snapshotter", "sluice", "mounts", directory, name);
        (int exitCode, string output) = await Command.RunAsync("/bin/sh", ["-c", mount]);
        Assert.True(exitCode == 0, $"{mount}: {output}");
        return directory;
    }

    /// <summary>Starts a container that does nothing until it is removed.</summary>
    public Task StartContainerAsync(string image, string id) => CtrAsync("run", "-d", "--snapshotter", "sluice", image, Id(id), "/bin/sleep", "10000");

    /// <summary>Runs a script in a running container and returns what it said.</summary>
    public Task<string> ExecAsync(string id, string script) =>
        LoggedAsync(log => ["tasks", "exec", "--log-uri", log, "--exec-id", Guid.NewGuid().ToString("n"), Id(id), "/bin/sh", "-c", script]);

    public async Task RemoveContainerAsync(string id)
    {
        await CtrAsync("tasks", "rm", "--force", Id(id));
        await CtrAsync("containers", "rm", Id(id));
    }

    /// <summary>The shim writes the output to a file: through ctr's own pipes it once got lost on a busy machine.</summary>
    private async Task<string> LoggedAsync(Func<string, string[]> command)
    {
        string log = Workspace.File($"{Guid.NewGuid():n}.log");
        await CtrAsync(command("file://" + log));
        return await File.ReadAllTextAsync(log, TestMachine.Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (Containerd is not null) await Containerd.DisposeAsync();
        if (Daemon is not null) await Daemon.DisposeAsync();
        else if (Directory.Exists(State)) await SluiceDaemon.UnmountAllAsync(_workspace.File("sluice"));
        if (Registry is not null) await Registry.DisposeAsync();
        _workspace.Dispose();
    }
}
