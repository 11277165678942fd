using System.Net.Sockets;
using Sluice.Formats;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Tests.Support;

namespace Sluice.Kernel.Tests.Keeper;

/// <summary>Who calls a socket that a keeper holds waits while nobody serves it.</summary>
public sealed class WaitingCallersTests
{
    /// <summary>What a client of gRPC waits for: an empty SETTINGS frame.</summary>
    private static readonly byte[] Settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];

    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(300);

    [Fact]
    public async Task They_are_greeted_and_given_to_the_next_server_in_their_order()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        string path = keeper.File("called.sock");
        using (KeeperProcess dead = await keeper.OpenAsync())
        using (Socket listener = Listen(path))
        {
            dead.Serve("listener.1", listener.SafeHandle, Nobody);
            Assert.Empty(dead.Take());
        }

        using Socket first = Call(path), second = Call(path);
        foreach ((Socket caller, byte said) in (IEnumerable<(Socket, byte)>)[(first, 1), (second, 2)])
        {
            Assert.Equal(Settings, Read(caller, Settings.Length));
            caller.Send([said]);
        }

        using KeeperProcess next = await keeper.OpenAsync();
        Assert.Equal(["listener.1"], next.Names());
        using var adopted = new Socket(next.TakeListener("listener.1")!);
        List<Socket> waiting = [];
        next.Serve("listener.1", adopted.SafeHandle, handle => waiting.Add(new Socket(handle)));
        Assert.Equal([1, 2], waiting.Select(connection => Read(connection, 1)[0]));
        waiting[0].Send("answer"u8);
        Assert.Equal("answer"u8, Read(first, 6));
        foreach (Socket connection in waiting) connection.Dispose();

        using Socket later = Call(path);
        using Socket accepted = await adopted.AcceptAsync(TestContext.Current.CancellationToken); // the keeper takes none any more
        next.Leave("listener.1");
        using Socket last = Call(path);
        Assert.Equal(Settings, Read(last, Settings.Length));
        next.Release("listener.1");
        Assert.Equal(0, last.Receive(new byte[1]));
        Assert.Empty(next.Names());
        Assert.Null(next.TakeListener("listener.1"));
    }

    [Fact]
    public async Task After_the_deadline_they_are_refused_until_a_server_comes()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        string path = keeper.File("called.sock");
        await ServeAndDieAsync(keeper, path, Short);

        using Socket early = Call(path);
        Assert.Equal(Settings, Read(early, Settings.Length));
        Assert.Equal(0, early.Receive(new byte[1]));
        using Socket late = Call(path);
        Assert.Equal(0, late.Receive(new byte[1]));
        Assert.Contains("listener.1: nobody has served it for 0.3 s: who connects is refused until a daemon comes", keeper.Log, StringComparison.Ordinal);

        using KeeperProcess next = await keeper.OpenAsync();
        using var adopted = new Socket(next.TakeListener("listener.1")!);
        next.Serve("listener.1", adopted.SafeHandle, Nobody);
        using Socket served = Call(path);
        using Socket accepted = await adopted.AcceptAsync(TestContext.Current.CancellationToken);
        accepted.Send("answer"u8);
        Assert.Equal("answer"u8, Read(served, 6));
    }

    /// <summary>Nothing that a daemon needs is lost with it.</summary>
    [Fact]
    public async Task A_keeper_with_nothing_but_a_socket_ends_when_it_is_told_to()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        string path = keeper.File("called.sock");
        await ServeAndDieAsync(keeper, path);

        using var process = System.Diagnostics.Process.GetProcessById(keeper.Process);
        Assert.True(KeeperProcess.Stop(keeper.State, anyway: false));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Those_who_have_hung_up_make_room_for_others()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        string path = keeper.File("called.sock");
        await ServeAndDieAsync(keeper, path);

        Socket[] callers = [.. Enumerable.Range(0, WaitingCallers.Limit).Select(_ => Call(path))];
        foreach (Socket caller in callers) Assert.Equal(Settings, Read(caller, Settings.Length));
        using Socket next = Call(path); // nobody takes this one yet
        foreach (Socket caller in callers) caller.Dispose();
        Assert.Equal(Settings, Read(next, Settings.Length));
    }

    /// <summary>A keeper that is slow loses its client, and the client comes back to it, with the socket that it has.</summary>
    [Fact]
    public async Task They_survive_a_keeper_that_does_not_answer_for_a_while()
    {
        Root.Required();
        using var keeper = new TestKeeper();
        string path = keeper.File("called.sock");
        using KeeperProcess server = await KeeperProcess.ConnectOrStartAsync(new KeeperOptions { State = keeper.State, Patience = TimeSpan.FromSeconds(3) }, _ => { });
        using Socket listener = Listen(path);
        var called = new TaskCompletionSource<Socket>();
        server.Serve("listener.1", listener.SafeHandle, handle => called.SetResult(new Socket(handle)));
        int process = keeper.Process;
        await Command.OutputAsync("kill", "-STOP", $"{process}");
        using Socket caller = Call(path);
        Assert.Contains("does not answer", Assert.Throws<SluiceException>(() => server.Release("another")).Message, StringComparison.Ordinal);
        await Command.OutputAsync("kill", "-CONT", $"{process}");
        Assert.Equal(Settings, Read(caller, Settings.Length)); // of the keeper, which takes its client for dead
        caller.Send([1]);
        using Socket connection = await called.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal([1], Read(connection, 1));
        connection.Send("answer"u8);
        Assert.Equal("answer"u8, Read(caller, 6));

        using Socket later = Call(path); // nobody but this process takes it
        using Socket accepted = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["listener.1"], keeper.Names());
        Assert.Equal(process, keeper.Process);
    }

    private static async Task ServeAndDieAsync(TestKeeper keeper, string path, TimeSpan? deadline = null)
    {
        using KeeperProcess dead = await keeper.OpenAsync(deadline);
        using Socket listener = Listen(path);
        dead.Serve("listener.1", listener.SafeHandle, Nobody);
    }

    private static void Nobody(SafeSocketHandle caller) => Assert.Fail("nobody should have called");

    private static Socket Listen(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        string bound = path + ".bound"; // .NET removes the name that a socket was bound to
        socket.Bind(new UnixDomainSocketEndPoint(bound));
        socket.Listen();
        File.Move(bound, path);
        return socket;
    }

    private static Socket Call(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        socket.Connect(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    private static byte[] Read(Socket socket, int length)
    {
        byte[] read = new byte[length];
        for (int at = 0; at < length;)
        {
            int got = socket.Receive(read.AsSpan(at));
            Assert.NotEqual(0, got);
            at += got;
        }

        return read;
    }
}
