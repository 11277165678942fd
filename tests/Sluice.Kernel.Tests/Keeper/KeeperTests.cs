using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Sluice.Formats;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Syscalls;
using Sluice.Kernel.Tests.Support;
using Sluice.Testing;

namespace Sluice.Kernel.Tests.Keeper;

/// <summary>The keeper process and whatever may happen to it.</summary>
public sealed class KeeperTests
{
    [Fact]
    public async Task Names_are_held_replaced_taken_and_released()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        await using DiskServer server = await ServeAsync(keeper);
        using KeeperProcess client = await keeper.OpenAsync();
        string longest = new('x', 255);
        foreach (string name in (string[])["b", "a.1", "A_2-", longest]) client.Keep(name, server.Descriptor);
        Assert.Equal(["A_2-", "a.1", "b", longest], keeper.Names());
        client.Keep("b", server.Descriptor);
        Assert.Equal(4, TestKeeper.OpenDescriptors(keeper.Process, "/dev/fuse"));
        client.Release("a.1");
        client.Release("never");
        IReadOnlyDictionary<string, FuseDescriptor> taken = client.Take();
        Assert.Equal(3, taken.Count);
        Assert.All(taken.Values, descriptor => Assert.True(Holdable.IsFuse(descriptor.Number)));
        foreach (FuseDescriptor descriptor in taken.Values) descriptor.Dispose();
        Assert.Equal(3, keeper.Names().Count);
        foreach (string bad in (string[])["", "a/b", "ä", new string('x', 256)])
        {
            Assert.Equal(SluiceError.Usage, Assert.Throws<SluiceException>(() => client.Keep(bad, server.Descriptor)).Error);
        }
    }

    [Fact]
    public async Task Garbage_is_refused_without_harm()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        await using DiskServer server = await ServeAsync(keeper);
        using KeeperProcess client = await keeper.OpenAsync();
        client.Keep("held", server.Descriptor);
        int process = keeper.Process;
        var random = new Random(11);
        using var plain = File.OpenHandle("/dev/null");
        byte[] packet = new byte[600];
        for (int i = 0; i < 300; i++)
        {
            using KeeperSocket socket = keeper.Connect();
            random.NextBytes(packet);
            int length = random.Next(1, packet.Length);
            if (i % 3 == 0) KeeperMessage.Write(packet, (ushort)random.Next(0, 9), packet.AsSpan(100, random.Next(0, 200))); // a header that is right
            else if (i % 3 == 1) length = KeeperMessage.Write(packet, (ushort)KeeperRequest.Keep, "other"u8);
            int descriptor = i % 3 == 1 ? (int)plain.DangerousGetHandle() : i % 6 == 0 ? server.Descriptor.Number : -1;
            if (packet[6] is (byte)KeeperRequest.Stop or (byte)KeeperRequest.StopAnyway) continue;
            socket.Send(packet.AsSpan(0, length), descriptor, wait: true);
            if (i % 5 != 0) socket.Receive(packet, out int received, wait: true);
        }

        Assert.Equal(["held"], keeper.Names());
        Assert.Equal(1, TestKeeper.OpenDescriptors(process, "/dev/fuse"));
        await Wait.UntilAsync(() => TestKeeper.OpenDescriptors(process, "socket:") <= 2 + 1); // the listener, the client, and a signal's
        using KeeperSocket newer = keeper.Connect();
        int size = KeeperMessage.Write(packet, (ushort)KeeperRequest.List, []);
        packet[4] = 9;
        newer.Send(packet.AsSpan(0, size), -1, wait: true);
        size = newer.Receive(packet, out _, wait: true);
        Assert.Contains("version 1, not 9", System.Text.Encoding.UTF8.GetString(packet, 8, size - 8), StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_that_comes_too_late_is_not_taken_for_the_next_one()
    {
        using var directory = new TemporaryDirectory();
        using KeeperSocket listener = KeeperSocket.Listen(directory.Path);
        using KeeperConnection connection = KeeperConnection.TryOpen(directory.Path, TimeSpan.FromMilliseconds(100))!;
        using KeeperSocket accepted = listener.Accept(out _)!;
        Assert.Contains("does not answer", Assert.Throws<SluiceException>(() => connection.Release("a"u8.ToArray())).Message, StringComparison.Ordinal);
        byte[] done = new byte[KeeperMessage.MaxSize];
        accepted.Send(done.AsSpan(0, KeeperMessage.Write(done, (ushort)KeeperStatus.Done, [])), -1, wait: false);
        Assert.Throws<SluiceException>(() => connection.Release("b"u8.ToArray()));
        connection.WaitForEnd(); // so whoever watches it makes another
    }

    [Fact]
    public async Task Signals_of_a_terminal_don_t_end_it_and_sigterm_waits_for_the_last_release()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        await using DiskServer server = await ServeAsync(keeper);
        using KeeperProcess client = await keeper.OpenAsync();
        client.Keep("held", server.Descriptor);
        using Process process = Process.GetProcessById(keeper.Process);
        foreach (string signal in (string[])["INT", "HUP", "QUIT", "PIPE", "TERM"]) await keeper.SignalAsync(signal);
        await Wait.UntilAsync(() => keeper.Log.Contains("asked to end, but 1 connections are held", StringComparison.Ordinal));
        Assert.Equal(["held"], keeper.Names());
        client.Release("held");
        client.Dispose();
        await keeper.SignalAsync("TERM");
        await process.WaitForExitAsync();
        Assert.False(File.Exists(keeper.Socket));
    }

    [Fact]
    public async Task It_is_stopped_only_when_nothing_is_lost_by_that()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        await using DiskServer server = await ServeAsync(keeper);
        using (KeeperProcess client = await keeper.OpenAsync()) client.Keep("held", server.Descriptor);
        SluiceException refused = Assert.Throws<KeeperRefusal>(() => KeeperProcess.Stop(keeper.State, anyway: false));
        Assert.Contains("1 connections are held that no daemon serves", refused.Message, StringComparison.Ordinal);
        using Process process = Process.GetProcessById(keeper.Process);
        Assert.True(KeeperProcess.Stop(keeper.State, anyway: true));
        await process.WaitForExitAsync();
        Assert.False(KeeperProcess.Stop(keeper.State, anyway: true));
        Assert.Null(KeeperProcess.Names(keeper.State));
    }

    [Fact]
    public async Task There_is_one_for_a_state_directory_and_it_is_private()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        KeeperProcess[] clients = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => keeper.OpenAsync()));
        foreach (KeeperProcess client in clients) client.Dispose();
        Command.Result second = await Command.RunAsync(Environment.ProcessPath!, KeeperMain.Arguments(keeper.State, TimeSpan.Zero, detached: false));
        Assert.Equal(1, second.ExitCode);
        Assert.Contains("has a keeper already", second.Errors, StringComparison.Ordinal);
        Assert.Equal("600", (await Command.ShellAsync($"stat -c %a {keeper.Socket}")).Trim());
    }

    [Fact]
    public async Task It_has_a_session_of_its_own_and_nothing_of_the_one_who_started_it()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        using var inherited = new AnonymousPipe();
        using KeeperProcess client = await keeper.OpenAsync();
        int process = keeper.Process;
        string[] fields = (await File.ReadAllTextAsync($"/proc/{process}/stat")).Split(')')[1].Split(' ');
        Assert.Equal(process.ToString(CultureInfo.InvariantCulture), fields[4]); // the session; fields are counted from behind the name
        Assert.Equal("/dev/null", File.ResolveLinkTarget($"/proc/{process}/fd/0", false)!.FullName);
        Assert.DoesNotContain(Directory.GetFileSystemEntries($"/proc/{process}/fd").Select(fd => new FileInfo(fd).LinkTarget), target => target == inherited.Name);
        Assert.Equal("/", new DirectoryInfo($"/proc/{process}/cwd").LinkTarget);
    }

    /// <summary>A keeper of an older version refuses sockets; what it does hold must not suffer from that.</summary>
    [Fact]
    public async Task What_is_refused_is_in_nobody_s_way()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        await using DiskServer server = await ServeAsync(keeper);
        using KeeperProcess client = await keeper.OpenAsync();
        using var plain = File.OpenHandle("/dev/null");
        Assert.Throws<KeeperRefusal>(() => client.Keep("a", plain));
        client.Keep("b", server.Descriptor);
        using Process first = Process.GetProcessById(keeper.Process);
        first.Kill();
        await first.WaitForExitAsync(TestContext.Current.CancellationToken);
        await Wait.UntilAsync(() => KeeperProcess.Names(keeper.State)?.Contains("b") == true);
        Assert.Equal(["b"], keeper.Names());
    }

    [Fact]
    public async Task It_goes_on_when_descriptors_run_out()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        await using DiskServer server = await ServeAsync(keeper);
        using KeeperProcess client = await keeper.OpenAsync();
        client.Keep("held", server.Descriptor);
        int process = keeper.Process;
        int open = TestKeeper.OpenDescriptors(process);
        await Command.OutputAsync("prlimit", $"--pid={process}", $"--nofile={open + 2}:");
        var crowd = new List<KeeperSocket>();
        for (int i = 0; i < 20; i++) crowd.Add(keeper.Connect());
        await Wait.UntilAsync(() => keeper.Log.Contains("no descriptor is left", StringComparison.Ordinal));
        Assert.ThrowsAny<SluiceException>(() => client.Keep("another", server.Descriptor));
        foreach (KeeperSocket socket in crowd) socket.Dispose();
        await Wait.UntilAsync(() => KeeperProcess.Names(keeper.State)?.Contains("held") == true);
        await Command.OutputAsync("prlimit", $"--pid={process}", $"--nofile={open + 50}:");
        await Wait.UntilAsync(() => keeper.Names().Contains("another")); // given again by itself
        Assert.Equal(process, keeper.Process);
    }

    /// <summary>Its program may be replaced by an upgrade while it runs: it must not need to read more of it.</summary>
    [Fact]
    public async Task It_loads_nothing_after_its_start()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        using KeeperProcess client = await keeper.OpenAsync(TimeSpan.FromMilliseconds(1));
        int process = keeper.Process;
        Assert.Empty(keeper.Names()); // it listens before it has begun: an answer says that it has
        IReadOnlyList<string> loaded = TestKeeper.Loaded(process);
        await using (DiskServer server = await ServeAsync(keeper))
        {
            client.Keep("disks", server.Descriptor);
            client.Dispose();
            await Wait.UntilAsync(() => keeper.Log.Contains("nobody has served it", StringComparison.Ordinal));
            using KeeperSocket garbage = keeper.Connect();
            garbage.Send("garbage"u8, -1, wait: true);
            await keeper.SignalAsync("TERM");
            await Wait.UntilAsync(() => keeper.Log.Contains("asked to end", StringComparison.Ordinal));
            using KeeperProcess next = await keeper.OpenAsync();
            foreach (FuseDescriptor descriptor in next.Take().Values) descriptor.Dispose();
        }

        Assert.Equal(loaded, TestKeeper.Loaded(process));
    }

    /// <summary>Who has started it may be dead before it is up, and what it holds may be unmounted by somebody else.</summary>
    [Fact]
    public async Task One_that_may_end_does_when_nobody_needs_it()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        using var signals = new AnonymousPipe();
        using KeeperSocket listener = KeeperSocket.Listen(keeper.State);
        var log = new ConcurrentQueue<string>();
        var server = new KeeperServer(listener, signals.ReadEnd, deadline: TimeSpan.FromMilliseconds(500), idleLimit: TimeSpan.FromMilliseconds(100), log.Enqueue);
        Task running;
        await using (DiskServer disks = await ServeAsync(keeper))
        {
            using (KeeperProcess client = await keeper.OpenAsync())
            {
                running = Task.Factory.StartNew(server.Run, TaskCreationOptions.LongRunning);
                client.Keep("held", disks.Descriptor);
            }

            await Wait.UntilAsync(() => log.Any(line => line.StartsWith("held: nobody has served it", StringComparison.Ordinal))); // far longer than the limit
            Assert.Equal(["held"], keeper.Names());
        }

        await running.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Contains(log, line => line.EndsWith("ending", StringComparison.Ordinal));
    }

    private static Task<DiskServer> ServeAsync(TestKeeper keeper) => DiskServer.StartAsync(new DiskServerOptions { MountPoint = keeper.Disks }, _ => { });

    /// <summary>Open in this process without close-on-exec, as what a careless library leaves.</summary>
    private sealed unsafe class AnonymousPipe : IDisposable
    {
        private readonly int _read;
        private readonly int _write;

        public AnonymousPipe()
        {
            int* ends = stackalloc int[2];
            Assert.Equal(0, Libc.Pipe(ends, 0));
            (_read, _write) = (ends[0], ends[1]);
        }

        public int ReadEnd => _read;

        public string Name => new FileInfo($"/proc/self/fd/{_read}").LinkTarget!;

        public void Dispose()
        {
            Libc.Close(_read);
            Libc.Close(_write);
        }
    }
}
