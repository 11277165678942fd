using System.Net.Sockets;
using System.Text;
using Sluice.Formats;
using Sluice.Node.Admin;

namespace Sluice.Node.Tests.Admin;

/// <summary>The client before sockets that are not, or not quite, those of a daemon.</summary>
public sealed class AdminClientTests : IDisposable
{
    private const string Stranger = "is not a Sluice admin socket";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("sluice-admin-");

    private string Address => Path.Combine(_directory.FullName, "admin.sock");

    [Fact]
    public async Task TheImageIsTakenFromTheAnswer() =>
        Assert.Equal(new PulledImage("r/app:v1", "sha256:0"), await AskAsync(Http("""{"name":"r/app:v1","digest":"sha256:0","more":[]}""")));

    [Theory]
    [InlineData("""{"name":"r/app:v1"}""")]
    [InlineData("""{"name":7,"digest":"d"}""")]
    [InlineData("""{"name":"\ud800","digest":"d"}""")]
    [InlineData("""{"message":"page not found"}""")]
    [InlineData("""{"error":"42","culprit":"c","message":"m"}""")]
    [InlineData("""{"error":"usage","culprit":"c","message":"m"}""")]
    [InlineData("""{"error":"Usage, Image","culprit":"c","message":"m"}""")]
    [InlineData("""{"error":{"code":1},"culprit":"c","message":"m"}""")]
    [InlineData("""{"error":"Usage","culprit":7,"message":"m"}""")]
    [InlineData("""[1]""")]
    [InlineData("""null""")]
    [InlineData("""<html></html>""")]
    public async Task OtherJsonIsNotOurs(string body) => await FailsAsync(Http(body), SluiceError.Runtime, Stranger);

    [Theory]
    [InlineData("220 mail.local ESMTP\r\n", Stranger)]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n", Stranger)]
    [InlineData("", "the daemon ended without an answer")]
    public async Task OtherProtocolsAreNotOurs(string answer, string says) => await FailsAsync(answer, SluiceError.Runtime, says);

    [Fact]
    public async Task AnEndlessAnswerIsCutOff() => await FailsAsync(Http("\"") + new string('x', 8 << 20), SluiceError.Runtime, Stranger);

    [Fact]
    public async Task ErrorsOfTheDaemonArrive()
    {
        await FailsAsync(Http("""{"error":"Timeout","culprit":"registry r","message":"silent"}"""), SluiceError.Timeout, "registry r: silent");
        await Assert.ThrowsAsync<InvalidOperationException>(() => AskAsync(Http("""{"error":"Internal","culprit":"sluice daemon","message":"oops"}""")));
    }

    [Fact]
    public async Task AMissingSocketIsCalledMissing()
    {
        foreach (string missing in new[] { Address, "" })
        {
            SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => PullAsync(missing));
            Assert.Equal(SluiceError.Runtime, error.Error);
            Assert.Contains("there is no such socket", error.Message, StringComparison.Ordinal);
        }
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private static string Http(string body) => "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + body;

    private static Task<PulledImage> PullAsync(string address) =>
        new AdminClient(address).PullAsync(new PullRequest { Image = "r/app:v1" }, TestContext.Current.CancellationToken);

    private async Task FailsAsync(string answer, SluiceError kind, string says)
    {
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => AskAsync(answer));
        Assert.Equal(kind, error.Error);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Asks a service that says <paramref name="answer"/> to whatever it has read, and hangs up.</summary>
    private async Task<PulledImage> AskAsync(string answer)
    {
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        File.Delete(Address);
        listener.Bind(new UnixDomainSocketEndPoint(Address));
        listener.Listen();
        Task serving = ServeAsync(listener, Encoding.UTF8.GetBytes(answer));
        try
        {
            return await PullAsync(Address);
        }
        finally
        {
            await serving;
        }
    }

    private static async Task ServeAsync(Socket listener, byte[] answer)
    {
        using Socket connection = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        byte[] request = new byte[4096];
        await connection.ReceiveAsync(request, TestContext.Current.CancellationToken);
        try
        {
            await connection.SendAsync(answer, TestContext.Current.CancellationToken);
        }
        catch (SocketException)
        {
            // The client has heard enough.
        }
    }
}
