using Sluice.Containerd.Client;
using Sluice.Containerd.Grpc;
using Sluice.EndToEnd.Harness;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Writable;

/// <summary>A check of a container's disk that takes longer than those who ask for the disk wait.</summary>
public sealed class SlowCheckTests
{
    [Theory]
    [InlineData("dir")]
    [InlineData("dev")]
    public async Task It_goes_on_without_whoever_began_it_and_the_next_joins_it(string mode)
    {
        await using WritableNode writable = await WritableNode.StartAsync();
        TestNode node = writable.Node;
        await writable.RunAsync("one", mode);
        string sum = await writable.ExecAsync("one", "head -c 3000000 /dev/urandom > /random && busybox sync && sha256sum /random");
        SlowCheck check = new(node);
        await node.CrashAsync();
        await writable.StopAsync("one");
        await node.StartDaemonAsync();
        using ContainerdClient client = node.Connect();

        await GiveUpAsync(client, node, check, begun: 1);
        await node.UnmountAllAsync(); // with the check under way: it is given up, and begun anew later
        Assert.Empty(node.Workspace.Mounts("sluice"));
        await node.StartDaemonAsync();

        await GiveUpAsync(client, node, check, begun: 2);
        await GiveUpAsync(client, node, check, begun: 2);
        Task<IReadOnlyList<Sluice.Containerd.Snapshots.SnapshotMount>> joined = client.Snapshots("sluice").MountsAsync(node.Id("one"), TestMachine.Cancellation);
        check.Finish();
        await joined;
        Assert.Equal(2, check.Begun);

        await writable.RestartAsync("one");
        Assert.Equal(sum, await writable.ExecAsync("one", "sha256sum /random"));
        await writable.AssertGoneAsync(["one"], writable.Image);
    }

    /// <summary>A request whose caller loses patience when the check runs.</summary>
    private static async Task GiveUpAsync(ContainerdClient client, TestNode node, SlowCheck check, int begun)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestMachine.Cancellation);
        Task asked = client.Snapshots("sluice").MountsAsync(node.Id("one"), patience.Token);
        await TestMachine.UntilAsync(() => check.Begun == begun, $"check {begun} has begun");
        await patience.CancelAsync();
        Exception? refused = await Record.ExceptionAsync(() => asked);
        Assert.True(refused is OperationCanceledException or GrpcException { Status: GrpcStatusCode.Cancelled }, $"{refused}");
    }

    /// <summary>An e2fsck that waits before it begins, for daemons that are started from now on.</summary>
    private sealed class SlowCheck
    {
        private readonly string _log, _go;

        public SlowCheck(TestNode node)
        {
            string real = Command.Require("e2fsck"), directory = node.Workspace.MakeDirectory("slow"), program = Path.Combine(directory, "e2fsck");
            (_log, _go) = (Path.Combine(directory, "log"), Path.Combine(directory, "go"));
            File.WriteAllText(program, $"#!/bin/sh\necho begun >> {_log}\nuntil [ -e {_go} ]; do sleep 0.1; done\nexec {real} \"$@\"\n");
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            node.DaemonEnvironment["PATH"] = $"{directory}:{Environment.GetEnvironmentVariable("PATH")}";
        }

        public int Begun => File.Exists(_log) ? File.ReadAllLines(_log).Length : 0;

        public void Finish() => File.WriteAllText(_go, "");
    }
}
