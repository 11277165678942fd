using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Protos.Snapshots;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Testing;

namespace Sluice.Containerd.Tests.Grpc;

/// <summary>Bodies that no client would send, to the real service.</summary>
public sealed class GrpcHostileTests
{
    [Fact]
    public async Task Broken_bodies_end_in_a_status_and_the_server_goes_on()
    {
        using TemporaryDirectory directory = new();
        string socket = directory.File("s.sock");
        await using SnapshotterServer server = await SnapshotterServer.StartAsync(
            new SnapshotterOptions { Root = directory.File("root") }, new NoLazyImages(), new GrpcServerOptions { SocketPath = socket }, null,
            TestContext.Current.CancellationToken);
        using HttpClient http = new(new SocketsHttpHandler { ConnectCallback = async (_, cancellation) => await ConnectAsync(socket, cancellation) });
        Random random = new(20260101);
        byte[] valid = Google.Protobuf.MessageExtensions.ToByteArray(new StatSnapshotRequest { Snapshotter = "sluice", Key = "default/1/x" });
        List<byte[]> bodies =
        [
            [],
            [0],
            [0, 0, 0, 0],
            [0, 0, 0, 0, 5, 1],
            [0, 0xff, 0xff, 0xff, 0xff],
            [0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3],
            [1, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ];
        for (int i = 0; i < 200; i++)
        {
            byte[] body = [0, 0, 0, 0, (byte)valid.Length, .. valid];
            for (int flips = random.Next(1, 4); flips > 0; flips--) body[random.Next(body.Length)] = (byte)random.Next(256);
            bodies.Add(body[..random.Next(1, body.Length + 1)]);
        }

        foreach (byte[] body in bodies)
        {
            using HttpRequestMessage request = new(HttpMethod.Post, $"http://localhost/{SnapshotsService.Name}/Stat")
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
            };
            using HttpResponseMessage response = await http.SendAsync(request, TestContext.Current.CancellationToken);
            await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
            Assert.NotEqual("0", response.TrailingHeaders.GetValues("grpc-status").Single());
        }

        using HttpResponseMessage plain = await http.SendAsync(
            new HttpRequestMessage(HttpMethod.Get, "http://localhost/") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact },
            TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, plain.StatusCode);
    }

    /// <summary>containerd says nothing for hours. Kestrel looks after its connections once a second.</summary>
    [Fact]
    public async Task A_silent_connection_stays()
    {
        using TemporaryDirectory directory = new();
        string socket = directory.File("s.sock");
        await using SnapshotterServer server = await SnapshotterServer.StartAsync(
            new SnapshotterOptions { Root = directory.File("root") }, new NoLazyImages(), new GrpcServerOptions { SocketPath = socket }, null,
            TestContext.Current.CancellationToken);
        await using Stream connection = await ConnectAsync(socket, TestContext.Current.CancellationToken);
        TimeSpan looked = TimeSpan.FromSeconds(2.5);
        await Task.Delay(looked, TestContext.Current.CancellationToken);
        byte[] emptySettings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        await connection.WriteAsync((byte[])[.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. emptySettings], TestContext.Current.CancellationToken);
        byte[] frame = new byte[9];
        await connection.ReadExactlyAsync(frame, TestContext.Current.CancellationToken);
        Assert.Equal(4, frame[3]); // SETTINGS

        using CancellationTokenSource heard = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        heard.CancelAfter(looked);
        List<byte> kinds = [];
        try
        {
            while (true)
            {
                await connection.ReadExactlyAsync(new byte[frame[0] << 16 | frame[1] << 8 | frame[2]], heard.Token);
                await connection.ReadExactlyAsync(frame, heard.Token);
                kinds.Add(frame[3]);
            }
        }
        catch (OperationCanceledException)
        {
            Assert.DoesNotContain((byte)7, kinds); // GOAWAY
        }
    }

    private static async Task<Stream> ConnectAsync(string socket, CancellationToken cancellation)
    {
        Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellation);
        return new NetworkStream(connection, ownsSocket: true);
    }
}
