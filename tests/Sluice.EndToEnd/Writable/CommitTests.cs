using System.Diagnostics;
using Sluice.EndToEnd.Harness;
using Sluice.EndToEnd.Trees;
using Sluice.Testing.Ext4;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Writable;

/// <summary><c>sluice commit</c> of containers that write in all ways.</summary>
public sealed class CommitTests
{
    private const string Change = """
        mkdir -p /new/deep && head -c 3000000 /dev/urandom > /new/deep/random && busybox ln /new/deep/random /new/linked && busybox ln -s nowhere /new/link
        busybox truncate -s 5000000 /new/sparse && busybox mkfifo /new/pipe && busybox mknod /new/null c 1 3 && busybox chmod 4711 /etc/state && busybox chown 70001:70002 /data/2
        busybox rm -r /data/1 && echo changed >> /etc/state && busybox rm -rf /data/deep && busybox mv /data/3 /data/moved && busybox mkdir -p /data/4dir && busybox rm /data/4 && busybox mkdir /data/4 && echo in > /data/4/x
        for i in $(busybox seq 200); do echo $i > "/new/deep/a file with a rather long name $i"; done; busybox sync
        """;

    [Theory]
    [InlineData("dir", "append", "lz4")]
    [InlineData("dir", "sparse", "zstd")]
    [InlineData("dev", "append", "lz4")]
    [InlineData("overlayfs", "append", "lz4")]
    public async Task An_image_has_the_tree_of_the_container(string mode, string upper, string compressor)
    {
        await using WritableNode writable = await WritableNode.StartAsync($"writable:\n  upper: {upper}\n");
        TestNode node = writable.Node;
        await writable.RunAsync("one", mode);
        await writable.ExecAsync("one", Change);
        TreeListing tree = await TreeListing.ReadAsync(writable.RootOf("one"));
        await writable.CommitAsync("one", node.Image("app:first"), "-m", "what was done", "--compressor", compressor, "--block-size", "8KiB");
        Assert.Equal("in\n", await writable.ExecAsync("one", "cat /data/4/x && echo more > /more"));
        await AssertIsAsync(writable, node.Image("app:first"), tree);

        // A second one has the first one's layer again, and no more is sent than what is new.
        node.Registry.Forget();
        TreeListing later = await TreeListing.ReadAsync(writable.RootOf("one"));
        SluiceResult second = await writable.CommitAsync("one", node.Image("app:second"), "--compressor", compressor, "--block-size", "8KiB");
        IReadOnlyList<string> layers = await TestNode.LayersAsync(node.Image("app:obd")), first = await TestNode.LayersAsync(node.Image("app:first")), both = await TestNode.LayersAsync(node.Image("app:second"));
        Assert.Equal(layers, first.SkipLast(1));
        if (mode != "overlayfs")
        {
            Assert.Equal(first, both.SkipLast(1));
            Assert.Contains("(2 layers of changes, 1 of them new)", second.Output, StringComparison.Ordinal);
            Assert.Equal(2, node.Registry.Requests.Count(r => r.Method == "PUT" && r.Path.Contains("/blobs/uploads/", StringComparison.Ordinal))); // layer and configuration
        }

        await AssertIsAsync(writable, node.Image("app:second"), later);

        // Containers run from it, in every mode.
        await node.PullAsync(node.Image("app:second"));
        foreach (string next in new[] { "dir", "overlayfs" })
        {
            await writable.RunAsync("from-" + next, next, node.Image("app:second"));
            Assert.Equal("more\n", await writable.ExecAsync("from-" + next, "cat /more && test -p /new/pipe && test ! -e /data/1"));
        }

        await writable.AssertGoneAsync(["one", "from-dir", "from-overlayfs"], node.Image("app:second"), writable.Image);
    }

    [Theory]
    [InlineData("dir")]
    [InlineData("dev")]
    public async Task A_container_goes_on_while_it_is_committed(string mode)
    {
        string fio = Command.Require("fio");
        await using WritableNode writable = await WritableNode.StartAsync();
        TestNode node = writable.Node;
        await writable.RunAsync("one", mode);
        await writable.ExecAsync("one", "mkdir /fio /sums");
        using Process load = Process.Start(new ProcessStartInfo(fio,
            ["--name=verify", $"--directory={writable.RootOf("one")}/fio", "--rw=randwrite", "--bs=4k", "--size=24m", "--io_size=200m", "--verify=crc32c", "--verify_backlog=512", "--fdatasync=32", "--randseed=7", "--ioengine=psync", "--output-format=terse"])
        { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> said = load.StandardOutput.ReadToEndAsync(TestMachine.Cancellation), errors = load.StandardError.ReadToEndAsync(TestMachine.Cancellation);
        try
        {
            for (int round = 0; round < 3; round++)
            {
                string sum = await writable.ExecAsync("one", $"head -c 300000 /dev/urandom > /sums/{round} && busybox sync && sha256sum /sums/{round}");
                await writable.CommitAsync("one", node.Image($"app:round{round}"));
                await using MountedImage image = await MountedImage.MountAsync(node.Workspace, node.Image($"app:round{round}"), $"round{round}");
                E2fs.AssertClean(DeviceOf(node, $"round{round}"));
                (int exitCode, string output) = await Command.RunAsync("/bin/sh", ["-c", $"cd {image.Directory} && sha256sum sums/{round}"]);
                Assert.Equal((0, sum.Split(' ')[0]), (exitCode, output.Split(' ')[0]));
                await image.UnmountAsync();
            }

            await load.WaitForExitAsync(TestMachine.Cancellation);
            Assert.True(load.ExitCode == 0, await said + await errors);
        }
        finally
        {
            if (!load.HasExited) load.Kill(entireProcessTree: true);
        }

        await writable.AssertGoneAsync(["one"], writable.Image);
    }

    [Fact]
    public async Task A_stopped_container_is_committed_and_archives_take_it()
    {
        await using WritableNode writable = await WritableNode.StartAsync();
        TestNode node = writable.Node;
        await writable.RunAsync("one", "dir");
        await writable.ExecAsync("one", "echo kept > /kept; busybox sync");
        await writable.StopAsync("one");
        await node.KillDaemonAsync();
        await node.StartDaemonAsync();
        foreach (string place in new[] { "oci:", "oci-archive:" })
        {
            string image = $"{place}{node.Workspace.File(place[..^1])}:v1";
            await writable.CommitAsync("one", image);
            SluiceResult file = (await SluiceProgram.RunAsync("cat", image, "/kept")).Succeeds();
            Assert.Equal("kept\n", file.Output);
            (await SluiceProgram.RunAsync("inspect", image)).Succeeds();
        }

        await writable.RestartAsync("one");
        Assert.Equal("kept\n", await writable.ExecAsync("one", "cat /kept"));
        await writable.AssertGoneAsync(["one"], writable.Image);
    }

    [Fact]
    public async Task A_container_that_a_killed_daemon_had_paused_for_a_commit_goes_on()
    {
        await using WritableNode writable = await WritableNode.StartAsync();
        TestNode node = writable.Node;
        await writable.RunAsync("one", "overlayfs");
        await writable.ExecAsync("one", "head -c 300000000 /dev/zero > /large");
        bool paused = false;
        for (int tries = 0; tries < 10 && !paused; tries++)
        {
            // The commit may be faster than this look at the container: then once more.
            Task<SluiceResult> commit = writable.TryCommitAsync("one", node.Image("app:new"));
            while (!commit.IsCompleted && !paused) paused = await IsPausedAsync();
            if (paused) await node.KillDaemonAsync();
            await commit;
            paused = paused && await IsPausedAsync();
            if (!paused) await node.StartDaemonAsync();
        }

        Assert.True(paused);
        await node.StartDaemonAsync();
        Assert.Equal("here\n", await writable.ExecAsync("one", "echo here"));
        Assert.Empty(Directory.GetFiles(Path.Combine(node.State, "halts")));
        await writable.CommitAsync("one", node.Image("app:new"));
        await writable.AssertGoneAsync(["one"], writable.Image);

        async Task<bool> IsPausedAsync() => (await node.CtrAsync("tasks", "ls")).Contains("PAUSED", StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_container_on_the_lower_layers_of_an_image_is_committed()
    {
        await using WritableNode writable = await WritableNode.StartAsync();
        TestNode node = writable.Node;
        string derived = node.Image("app:derived"), made = node.Image("app:made");

        // The derived image first: of the other one containerd then asks for nothing, and it is a prefix.
        await writable.RunAsync("one", "dir");
        await writable.ExecAsync("one", "echo derived > /derived");
        await writable.CommitAsync("one", derived);
        await node.RemoveContainerAsync("one");
        await node.CtrAsync("images", "rm", "--sync", writable.Image);
        await node.PullAsync(derived);
        await node.PullAsync(writable.Image);
        foreach (string mode in new[] { "dir", "overlayfs" })
        {
            await writable.RunAsync(mode, mode);
            await writable.ExecAsync(mode, $"test ! -e /derived && echo {mode} > /own");
            await writable.CommitAsync(mode, made);
            Assert.Equal(mode + "\n", (await SluiceProgram.RunAsync("cat", made, "/own")).Succeeds().Output);
            Assert.Equal(await TestNode.LayersAsync(writable.Image), (await TestNode.LayersAsync(made)).SkipLast(1));
        }

        await writable.AssertGoneAsync(["dir", "overlayfs"], derived, writable.Image);
    }

    [Fact]
    public async Task What_can_not_be_committed_is_named_and_nothing_is_lost()
    {
        await using WritableNode writable = await WritableNode.StartAsync();
        TestNode node = writable.Node;
        string rafs = node.Image("app:rafs"), ordinary = node.Image("app:v1");
        (await SluiceProgram.RunAsync("convert", ordinary, rafs)).Succeeds();
        await node.PullAsync(rafs);
        await node.CtrAsync("images", "pull", "--plain-http", "--snapshotter", "sluice", ordinary);
        await node.CtrAsync("images", "pull", "--plain-http", "--snapshotter", "native", ordinary);
        await writable.RunAsync("rafs", null, rafs);
        await writable.RunAsync("plain", null, ordinary);
        await writable.RunAsync("other", null, ordinary, "native");
        await writable.RunAsync("one", "dir");
        await writable.ExecAsync("one", "echo kept > /kept");
        string destination = node.Image("app:new");
        (await writable.TryCommitAsync("nobody", destination)).Fails(4, "there is no such container", "containers ls");
        (await writable.TryCommitAsync("other", destination)).Fails(4, "of the snapshotter 'native'");
        (await writable.TryCommitAsync("plain", destination)).Fails(3, "its image is an ordinary one");
        (await writable.TryCommitAsync("rafs", destination)).Fails(3, "its image is a RAFS one");
        (await writable.TryCommitAsync("one", destination, "--block-size", "5000")).Fails(2, "'blockSize' is 5000");
        (await writable.TryCommitAsync("one", destination, "--compressor", "gzip")).Fails(2, "'compressor' is 'gzip'");
        (await writable.TryCommitAsync("one", $"oci-archive:{node.Workspace.File("nowhere/x.tar")}:v1")).Fails(4, "does not exist");
        (await writable.TryCommitAsync("one", "127.0.0.1:1/app:new")).Fails(5, "127.0.0.1:1");
        await node.Registry.StopAsync();
        SluiceResult away = await writable.TryCommitAsync("one", destination);
        Assert.NotEqual(0, away.ExitCode);
        await node.Registry.StartAsync();
        await writable.CommitAsync("one", destination);
        Assert.Equal("kept\n", (await SluiceProgram.RunAsync("cat", destination, "/kept")).Succeeds().Output);
        Assert.Equal("kept\n", await writable.ExecAsync("one", "cat /kept"));
        await writable.AssertGoneAsync(["one", "rafs", "plain", "other"], rafs, ordinary, writable.Image);
    }

    /// <summary>The image's device, which <c>sluice mount</c> serves.</summary>
    private static string DeviceOf(TestNode node, string mount) => Directory.GetFiles(node.Workspace.File($"{mount}-state/disks")).Single();

    private static async Task AssertIsAsync(WritableNode writable, string image, TreeListing tree)
    {
        string name = "mnt-" + Guid.NewGuid().ToString("n")[..8];
        await using MountedImage mounted = await MountedImage.MountAsync(writable.Node.Workspace, image, name);
        E2fs.AssertClean(DeviceOf(writable.Node, name));
        TreeListing found = await TreeListing.ReadAsync(mounted.Directory);
        Assert.Empty(tree.Compare(found).Where(difference => !difference.Path.StartsWith("lost+found", StringComparison.Ordinal)).Select(difference => difference.ToString()));
        await mounted.UnmountAsync();
    }
}
