using System.Net.Sockets;
using Google.Protobuf;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Protos.Content;
using Sluice.Formats;
using Sluice.Testing;

namespace Sluice.Containerd.Tests.Grpc;

/// <summary>Server and client against each other.</summary>
public sealed class GrpcTests : IAsyncLifetime
{
    private static readonly GrpcMethod<InfoRequest, InfoResponse> Unary = new("/test.Echo/Unary", InfoResponse.Parser);
    private static readonly GrpcMethod<ReadContentRequest, ReadContentResponse> Down = new("/test.Echo/Down", ReadContentResponse.Parser);
    private static readonly GrpcMethod<WriteContentRequest, WriteContentResponse> Up = new("/test.Echo/Up", WriteContentResponse.Parser);
    private static readonly GrpcMethod<WriteContentRequest, WriteContentResponse> Both = new("/test.Echo/Both", WriteContentResponse.Parser);
    private static readonly GrpcMethod<InfoRequest, InfoResponse> Hang = new("/test.Echo/Hang", InfoResponse.Parser);

    private readonly TemporaryDirectory _directory = new();
    private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Func<InfoRequest, GrpcCall, InfoResponse> _unary = (request, _) => new InfoResponse { Info = new Info { Digest = request.Digest } };
    private GrpcServer _server = null!;
    private GrpcChannel _channel = null!;

    private string Socket => _directory.File("run/echo.sock");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await StartAsync();
        _channel = new GrpcChannel(Socket, "echo server");
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _server.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Unary_calls_carry_messages_of_any_size()
    {
        foreach (int length in new[] { 0, 1, 5, 65_536, 3 << 20 })
        {
            string text = new('x', length);
            Assert.Equal(text, (await CallAsync(text)).Info.Digest);
        }
    }

    [Theory]
    [InlineData(5)]
    [InlineData(20_000)]
    public async Task A_call_that_the_server_has_not_looked_at_is_sent_again(int length)
    {
        string text = new('z', length), front = _directory.File("front.sock");
        using System.Net.Sockets.Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(front));
        listener.Listen();
        Task refusing = RefuseOnceAsync(listener, expected: text.Length);
        using GrpcChannel channel = new(front, "echo server");
        InfoResponse response = await channel.UnaryAsync(Unary, new InfoRequest { Digest = text }, new GrpcCallOptions { Timeout = TimeSpan.FromSeconds(30) }, Cancellation);
        Assert.Equal(text, response.Info.Digest);
        channel.Dispose();
        await refusing;
    }

    /// <summary>Reads a call, says that it has looked at none and closes; the next connection is the server's.</summary>
    private async Task RefuseOnceAsync(System.Net.Sockets.Socket listener, int expected)
    {
        using (System.Net.Sockets.Socket first = await listener.AcceptAsync(Cancellation))
        {
            byte[] settings = [0, 0, 0, 4, 0, 0, 0, 0, 0], goAway = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            await first.SendAsync(settings, Cancellation);
            byte[] buffer = new byte[65536];
            for (int seen = 0; seen < expected;) seen += buffer.AsSpan(0, await first.ReceiveAsync(buffer, Cancellation)).Count((byte)'z');
            await first.SendAsync(goAway, Cancellation);
        }

        using NetworkStream client = new(await listener.AcceptAsync(Cancellation), ownsSocket: true);
        using System.Net.Sockets.Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Socket), Cancellation);
        using NetworkStream server = new(socket);
        await Task.WhenAny(client.CopyToAsync(server, Cancellation), server.CopyToAsync(client, Cancellation));
    }

    [Fact]
    public async Task Calls_run_concurrently()
    {
        InfoResponse[] responses = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => CallAsync($"{i}")));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"{i}"), responses.Select(response => response.Info.Digest));
    }

    [Fact]
    public async Task Metadata_and_deadline_reach_the_handler()
    {
        _unary = (_, call) => new InfoResponse { Info = new Info { Digest = $"{call.Metadata("containerd-namespace")} {call.Metadata("grpc-timeout")} {call.Metadata("none")}" } };
        GrpcCallOptions options = new() { Timeout = TimeSpan.FromSeconds(30), Metadata = new Dictionary<string, string> { ["containerd-namespace"] = "k8s.io" } };
        InfoResponse response = await _channel.UnaryAsync(Unary, new InfoRequest(), options, Cancellation);
        Assert.Equal("k8s.io 30000m ", response.Info.Digest);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("")]
    [InlineData("100 % größer\nals „null“ 🚰 /a%20b")]
    public async Task A_status_arrives_with_its_message(string message)
    {
        _unary = (_, _) => throw new GrpcException(GrpcStatusCode.FailedPrecondition, message);
        GrpcException error = await Assert.ThrowsAsync<GrpcException>(() => CallAsync("x"));
        Assert.Equal(GrpcStatusCode.FailedPrecondition, error.Status);
        Assert.Equal(message, error.Detail);
        Assert.StartsWith("echo server: ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SluiceError.NotFound, GrpcStatusCode.NotFound)]
    [InlineData(SluiceError.Usage, GrpcStatusCode.InvalidArgument)]
    [InlineData(SluiceError.Unauthorized, GrpcStatusCode.Unauthenticated)]
    [InlineData(SluiceError.Source, GrpcStatusCode.Unavailable)]
    [InlineData(SluiceError.Timeout, GrpcStatusCode.Unavailable)]
    [InlineData(SluiceError.Image, GrpcStatusCode.DataLoss)]
    [InlineData(SluiceError.Kernel, GrpcStatusCode.Internal)]
    public async Task Errors_of_sluice_keep_culprit_and_hint(SluiceError kind, GrpcStatusCode expected)
    {
        _unary = (_, _) => throw new SluiceException(kind, "registry r", "said no", "ask nicely");
        GrpcException error = await Assert.ThrowsAsync<GrpcException>(() => CallAsync("x"));
        Assert.Equal(expected, error.Status);
        Assert.Equal("registry r: said no (ask nicely)", error.Detail);
    }

    [Fact]
    public async Task An_unexpected_exception_is_internal_and_the_server_lives_on()
    {
        _unary = (_, _) => throw new InvalidOperationException("oops");
        Assert.Equal(GrpcStatusCode.Internal, (await Assert.ThrowsAsync<GrpcException>(() => CallAsync("x"))).Status);
        _unary = (request, _) => new InfoResponse { Info = new Info { Digest = request.Digest } };
        Assert.Equal("y", (await CallAsync("y")).Info.Digest);
    }

    [Fact]
    public async Task An_unknown_method_is_unimplemented()
    {
        GrpcMethod<InfoRequest, InfoResponse> unknown = new("/test.Echo/Unknown", InfoResponse.Parser);
        GrpcException error = await Assert.ThrowsAsync<GrpcException>(() => _channel.UnaryAsync(unknown, new InfoRequest(), GrpcCallOptions.None, Cancellation));
        Assert.Equal(GrpcStatusCode.Unimplemented, error.Status);
    }

    [Fact]
    public async Task Messages_above_the_limit_are_refused_on_both_sides()
    {
        GrpcException error = await Assert.ThrowsAsync<GrpcException>(() => CallAsync(new string('x', 5 << 20)));
        Assert.Equal(GrpcStatusCode.ResourceExhausted, error.Status);

        using GrpcChannel small = new(Socket, "echo server", maxMessageLength: 100);
        error = await Assert.ThrowsAsync<GrpcException>(() => small.UnaryAsync(Unary, new InfoRequest { Digest = new string('x', 200) }, GrpcCallOptions.None, Cancellation));
        Assert.Equal(GrpcStatusCode.ResourceExhausted, error.Status);
    }

    [Fact]
    public async Task A_server_streams_and_may_fail_half_way()
    {
        List<long> offsets = [];
        await foreach (ReadContentResponse block in _channel.ServerStreamingAsync(Down, new ReadContentRequest { Size = 1000 }, GrpcCallOptions.None, Cancellation))
        {
            offsets.Add(block.Offset);
        }

        Assert.Equal(Enumerable.Range(0, 1000).Select(i => (long)i), offsets);

        offsets.Clear();
        GrpcException error = await Assert.ThrowsAsync<GrpcException>(async () =>
        {
            await foreach (ReadContentResponse block in _channel.ServerStreamingAsync(Down, new ReadContentRequest { Size = -3 }, GrpcCallOptions.None, Cancellation))
            {
                offsets.Add(block.Offset);
            }
        });
        Assert.Equal(GrpcStatusCode.OutOfRange, error.Status);
        Assert.Equal([0, 1, 2], offsets);
        await foreach (ReadContentResponse _ in _channel.ServerStreamingAsync(Down, new ReadContentRequest(), GrpcCallOptions.None, Cancellation)) Assert.Fail("nothing was asked for");
    }

    [Fact]
    public async Task A_client_streams()
    {
        await using GrpcClientStream<WriteContentRequest, WriteContentResponse> call = _channel.Open(Up, GrpcCallOptions.None, Cancellation);
        byte[] data = new byte[1 << 20];
        for (int i = 0; i < 20; i++) await call.WriteAsync(new WriteContentRequest { Data = UnsafeByteOperations.UnsafeWrap(data) });
        await call.CompleteAsync();
        Assert.Equal(20L << 20, (await call.ReadAsync())!.Total);
        Assert.Null(await call.ReadAsync());
    }

    [Fact]
    public async Task Both_directions_interleave()
    {
        await using GrpcClientStream<WriteContentRequest, WriteContentResponse> call = _channel.Open(Both, GrpcCallOptions.None, Cancellation);
        for (int i = 0; i < 50; i++)
        {
            await call.WriteAsync(new WriteContentRequest { Offset = i });
            Assert.Equal(i, (await call.ReadAsync())!.Offset);
        }

        await call.CompleteAsync();
        Assert.Null(await call.ReadAsync());
    }

    [Fact]
    public async Task A_deadline_ends_the_call_on_both_sides()
    {
        GrpcCallOptions options = new() { Timeout = TimeSpan.FromMilliseconds(100) };
        GrpcException error = await Assert.ThrowsAsync<GrpcException>(() => _channel.UnaryAsync(Hang, new InfoRequest(), options, Cancellation));
        Assert.Equal(GrpcStatusCode.DeadlineExceeded, error.Status);
        await _cancelled.Task;
    }

    [Fact]
    public async Task Cancelling_reaches_the_handler()
    {
        using CancellationTokenSource source = new();
        Task<InfoResponse> call = _channel.UnaryAsync(Hang, new InfoRequest(), GrpcCallOptions.None, source.Token);
        await _entered.Task;
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await _cancelled.Task;
    }

    [Fact]
    public async Task Stopping_ends_calls_and_removes_the_socket_and_a_new_server_is_found_again()
    {
        Task<InfoResponse> call = _channel.UnaryAsync(Hang, new InfoRequest(), GrpcCallOptions.None, Cancellation);
        await _entered.Task;
        await _server.DisposeAsync();
        Assert.Equal(GrpcStatusCode.Unavailable, (await Assert.ThrowsAsync<GrpcException>(() => call)).Status);
        Assert.False(File.Exists(Socket));
        GrpcException error = await Assert.ThrowsAsync<GrpcException>(() => CallAsync("x"));
        Assert.Equal(GrpcStatusCode.Unavailable, error.Status);
        Assert.NotNull(error.Hint);

        _server = await StartAsync();
        Assert.Equal("x", (await CallAsync("x")).Info.Digest);
    }

    [Fact]
    public async Task The_socket_is_private_and_not_taken_from_a_living_server()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Socket));
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(StartAsync);
        Assert.Equal(SluiceError.Configuration, error.Error);
        Assert.Equal("x", (await CallAsync("x")).Info.Digest);
    }

    [Fact]
    public async Task A_file_in_the_place_of_the_socket_stays()
    {
        string path = _directory.File("precious");
        await File.WriteAllTextAsync(path, "data", Cancellation);
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => GrpcServer.StartAsync(new GrpcServerOptions { SocketPath = path }, [], null, Cancellation));
        Assert.Contains("is not a socket", error.Message, StringComparison.Ordinal);
        Assert.Equal("data", await File.ReadAllTextAsync(path, Cancellation));
    }

    [Fact]
    public async Task A_stale_socket_is_replaced()
    {
        string path = _directory.File("stale.sock");
        using (Socket dead = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(path));
            File.Move(path, path + "2");
        }

        File.Move(path + "2", path);
        await using GrpcServer server = await GrpcServer.StartAsync(new GrpcServerOptions { SocketPath = path }, [], null, Cancellation);
        Assert.True(File.Exists(path));
    }

    [Theory]
    [InlineData("relative.sock")]
    [InlineData("/tmp/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/x.sock")]
    public async Task An_unusable_path_is_a_configuration_error(string path)
    {
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => GrpcServer.StartAsync(new GrpcServerOptions { SocketPath = path }, [], null, Cancellation));
        Assert.Equal(SluiceError.Configuration, error.Error);
    }

    private Task<InfoResponse> CallAsync(string text) => _channel.UnaryAsync(Unary, new InfoRequest { Digest = text }, GrpcCallOptions.None, Cancellation);

    private Task<GrpcServer> StartAsync()
    {
        GrpcService service = new GrpcService("test.Echo")
            .Unary("Unary", InfoRequest.Parser, (request, call) => Task.FromResult(_unary(request, call)))
            .Unary("Hang", InfoRequest.Parser, HangAsync)
            .ServerStreaming("Down", ReadContentRequest.Parser, (request, _) => CountAsync(request.Size))
            .ClientStreaming("Up", WriteContentRequest.Parser, async (requests, _) =>
            {
                long total = 0;
                await foreach (WriteContentRequest request in requests) total += request.Data.Length;
                return new WriteContentResponse { Total = total };
            })
            .Duplex("Both", WriteContentRequest.Parser, (requests, _) => EchoAsync(requests));
        return GrpcServer.StartAsync(new GrpcServerOptions { SocketPath = Socket, MaxMessageLength = 4 << 20 }, [service], null, Cancellation);
    }

    private async Task<InfoResponse> HangAsync(InfoRequest request, GrpcCall call)
    {
        _entered.TrySetResult();
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, call.Cancellation);
        }
        finally
        {
            _cancelled.TrySetResult();
        }

        return new InfoResponse();
    }

    private static async IAsyncEnumerable<ReadContentResponse> CountAsync(long count)
    {
        for (long i = 0; i < Math.Abs(count); i++)
        {
            yield return new ReadContentResponse { Offset = i };
            await Task.Yield();
        }

        if (count < 0) throw new GrpcException(GrpcStatusCode.OutOfRange, "enough");
    }

    private static async IAsyncEnumerable<WriteContentResponse> EchoAsync(IAsyncEnumerable<WriteContentRequest> requests)
    {
        await foreach (WriteContentRequest request in requests) yield return new WriteContentResponse { Offset = request.Offset };
    }
}
