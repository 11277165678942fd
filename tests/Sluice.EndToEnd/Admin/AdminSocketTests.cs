using System.Net.Sockets;
using System.Text;
using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Admin;

/// <summary>The daemon's admin socket as <c>curl</c> and strangers meet it.</summary>
public sealed class AdminSocketTests
{
    [Fact]
    public async Task What_makes_no_sense_is_refused_in_words()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        await using SluiceDaemon daemon = await SluiceDaemon.StartAsync(workspace.File("sluice"));
        string socket = SluiceDaemon.AdminSocketOf(workspace.File("sluice"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(socket));

        Assert.Matches("^HTTP/1.1 404 .*is not part of the admin API", await AskAsync(socket, "GET /v9/nothing HTTP/1.0\r\n\r\n"));
        Assert.Matches("^HTTP/1.1 400 .*the body is not JSON", await AskAsync(socket, "POST /v1/pull HTTP/1.0\r\nContent-Length: 3\r\n\r\n{x}"));
        Assert.Matches("^HTTP/1.1 400 .*'image' is missing", await AskAsync(socket, "POST /v1/pull HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}"));
        Assert.Matches("^HTTP/1.1 400 .*not Unicode", await AskAsync(socket, "POST /v1/pull HTTP/1.0\r\nContent-Length: 18\r\n\r\n{\"image\":\"\\ud800\"}"));
        Assert.Matches("^HTTP/1.1 400 .*not Unicode", await AskAsync(socket, "POST /v1/pull HTTP/1.0\r\nContent-Length: 12\r\n\r\n{\"\\ud800\":1}"));
        Assert.Matches("^HTTP/1.1 400 .*Content-Length of at most", await AskAsync(socket, "POST /v1/pull HTTP/1.0\r\nContent-Length: 1000000\r\n\r\n{}"));
        Assert.Matches("^HTTP/1.1 400 ", await AskAsync(socket, "\0\u0001nonsense\r\n\r\n"));

        (await SluiceProgram.RunAsync("pull", "127.0.0.1:1/app:v1", "--admin-address", socket)).Fails(5, "registry 127.0.0.1:1", "is it running");
        (await SluiceProgram.RunAsync("pull", "127.0.0.1:1/app:v1", "--admin-address", socket, "--namespace", "a/b")).Fails(2, "'namespace' is 'a/b'");
        (await SluiceProgram.RunAsync("pull", "127.0.0.1:1/app:v1", "--admin-address", socket, "--containerd-address", "unix:///run/c.sock")).Fails(5, "registry 127.0.0.1:1");
        await daemon.StopAsync();
        Assert.False(File.Exists(socket));
    }

    [Theory]
    [InlineData("")]
    [InlineData("unix://")]
    public async Task A_socket_without_a_name_is_wrong_usage(string address) =>
        (await SluiceProgram.RunAsync("pull", "127.0.0.1:1/app:v1", "--containerd-address", address)).Fails(2, "--containerd-address", "names no socket");

    /// <summary>The whole answer in one line.</summary>
    internal static async Task<string> AskAsync(string path, string request)
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), TestMachine.Cancellation);
        await socket.SendAsync(Encoding.Latin1.GetBytes(request), TestMachine.Cancellation);
        StringBuilder answer = new();
        byte[] buffer = new byte[4096];
        while (await socket.ReceiveAsync(buffer, TestMachine.Cancellation) is > 0 and var count) answer.Append(Encoding.Latin1.GetString(buffer, 0, count));
        return answer.ToString().ReplaceLineEndings(" ");
    }
}
