using Sluice.EndToEnd.Harness;
using Sluice.Kernel.Mounts;

namespace Sluice.EndToEnd.Writable;

/// <summary>A node with a block image pulled, and its containers by how they write.</summary>
internal sealed class WritableNode : IAsyncDisposable
{
    private const string Label = "containerd.io/snapshot/overlaybd.writable";

    private WritableNode(TestNode node, string image) => (Node, Image) = (node, image);

    public TestNode Node { get; }

    public string Image { get; }

    public string Admin => SluiceDaemon.AdminSocketOf(Node.Workspace.File("sluice"));

    /// <summary>Loop devices on the node's writable disks.</summary>
    public IReadOnlyList<string> Devices => LoopDevices.Below(Path.Combine(Node.State, "writable"));

    /// <summary>File systems on such disks that the daemon has mounted.</summary>
    public IReadOnlyList<MountEntry> Mounts => [.. Node.ImageMounts.Where(mount => Path.GetFileName(mount.MountPoint).StartsWith("snapshot-", StringComparison.Ordinal))];

    /// <param name="configuration">The daemon's, as YAML; null: none.</param>
    public static async Task<WritableNode> StartAsync(string? configuration = null)
    {
        TestMachine.RequireContainerd();
        string file = Path.Combine(Path.GetTempPath(), $"sluice-e2e-{Guid.NewGuid():n}.yaml");
        await File.WriteAllTextAsync(file, configuration ?? "");
        TestNode node;
        try
        {
            node = await TestNode.StartAsync(null, "--config", file);
        }
        finally
        {
            File.Delete(file);
        }

        try
        {
            await new OrdinaryImage().PushAsync(node.Image("app:v1"));
            (await SluiceProgram.RunAsync("convert", "--format", "overlaybd", "--vsize", "512MiB", node.Image("app:v1"), node.Image("app:obd"))).Succeeds();
            await node.Containerd.FindSnapshotterAsync(); // it dials when it starts, and gives a daemon that is busy a second
            await node.PullAsync(node.Image("app:obd"));
            return new WritableNode(node, node.Image("app:obd"));
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a container that does nothing until it is removed.</summary>
    /// <param name="mode">Value of the label; null: no label.</param>
    public Task RunAsync(string id, string? mode, string? image = null, string snapshotter = "sluice")
    {
        string[] label = mode is null ? [] : ["--snapshotter-label", $"{Label}={mode}"];
        return Node.CtrAsync(["run", "-d", "--snapshotter", snapshotter, .. label, image ?? Image, Node.Id(id), "/bin/sleep", "100000"]);
    }

    public Task<(int ExitCode, string Output)> TryRunAsync(string id, string mode, string image) =>
        Node.Containerd.TryCtrAsync("run", "-d", "--snapshotter", "sluice", "--snapshotter-label", $"{Label}={mode}", image, Node.Id(id), "/bin/sleep", "100000");

    /// <summary>Runs a script in a container and fails unless it succeeds.</summary>
    public async Task<string> ExecAsync(string id, string script)
    {
        string output = await Node.ExecAsync(id, $"({script}) 2>&1 && echo SCRIPT-DONE");
        Assert.True(output.EndsWith("SCRIPT-DONE\n", StringComparison.Ordinal), $"{script}\n{output}\n{Node.Daemon?.Log}");
        return output[..^"SCRIPT-DONE\n".Length];
    }

    /// <summary>Kills the container's processes; its file system stays.</summary>
    public async Task StopAsync(string id) => await Node.CtrAsync("tasks", "rm", "--force", Node.Id(id));

    /// <summary>Starts a stopped container again.</summary>
    public Task RestartAsync(string id) => Node.CtrAsync("tasks", "start", "-d", Node.Id(id));

    /// <summary>The root directory of a running container, as the host sees it.</summary>
    public string RootOf(string id) => Node.Workspace.File($"containerd/state/io.containerd.runtime.v2.task/default/{Node.Id(id)}/rootfs");

    /// <summary><c>sluice commit</c>.</summary>
    public Task<SluiceResult> TryCommitAsync(string id, string destination, params string[] more) =>
        SluiceProgram.RunAsync(["commit", Node.Id(id), destination, "--admin-address", Admin, "--containerd-address", Node.Containerd.Socket, .. more]);

    public async Task<SluiceResult> CommitAsync(string id, string destination, params string[] more)
    {
        SluiceResult result = await TryCommitAsync(id, destination, more);
        Assert.True(result.ExitCode == 0, $"sluice commit {id} {destination}: {result.ExitCode}\n{result.Error}\n{Node.Daemon?.Log}");
        return result;
    }

    /// <summary>Removes all given containers and images, and checks that nothing of them is left.</summary>
    public async Task AssertGoneAsync(string[] containers, params string[] images)
    {
        foreach (string id in containers) await Node.RemoveContainerAsync(id);
        foreach (string image in images) await Node.CtrAsync("images", "rm", "--sync", image);
        Assert.Empty(Mounts);
        await TestMachine.UntilAsync(() => Devices.Count == 0, "no loop devices on writable disks are left");
        await TestMachine.UntilAsync(() => Loops.Below(Node.Workspace.Root).Count == 0, "no loop devices are left");
        Assert.Empty(Node.ImageMounts);
        Assert.Empty(Directory.GetDirectories(Path.Combine(Node.Root, "snapshots")));
        if (Directory.Exists(Path.Combine(Node.State, "pending"))) Assert.Empty(Directory.GetFiles(Path.Combine(Node.State, "pending")));
        if (Directory.Exists(Path.Combine(Node.State, "writable"))) Assert.Empty(Directory.GetFiles(Path.Combine(Node.State, "writable")));
    }

    public ValueTask DisposeAsync() => Node.DisposeAsync();
}
