using System.Text;
using System.Text.Json;
using Sluice.Formats;
using Sluice.Node.Admin;

namespace Sluice.Node.Tests.Admin;

public sealed class CommitMessagesTests
{
    [Fact]
    public void ARequestComesBackAsItWasWritten()
    {
        CommitRequest request = new() { Container = "web-1", Image = "host/app:v2", Containerd = "/run/c.sock", Namespace = "k8s.io", Compressor = "zstd", BlockSize = 16384, Message = "why", Author = "me" };
        Assert.Equal(request, CommitRequest.Parse(Json(Encoding.UTF8.GetString(AdminJson.Write(request.Write)))));
        Assert.Equal(new CommitRequest { Container = "c", Image = "i" }, CommitRequest.Parse(Json("""{"container":"c","image":"i","blockSize":null,"message":null,"compressor":null}""")));
    }

    [Theory]
    [InlineData("""{"image":"i"}""", "'container' is missing")]
    [InlineData("""{"container":"c"}""", "'image' is missing")]
    [InlineData("""{"container":"../c","image":"i"}""", "'container' is '../c'")]
    [InlineData("""{"container":"c","image":"i","blockSize":"4096"}""", "'blockSize' must be a number")]
    [InlineData("""{"container":"c","image":"i","blockSize":4e30}""", "'blockSize' must be a number")]
    [InlineData("""{"container":"c","image":"i","blockSize":0}""", "power of two")]
    [InlineData("""{"container":"c","image":"i","blockSize":-4096}""", "power of two")]
    [InlineData("""{"container":"c","image":"i","blockSize":131072}""", "power of two")]
    [InlineData("""{"container":"c","image":"i","compressor":"gzip"}""", "there are: lz4, zstd")]
    [InlineData("""{"container":"c","image":"i","namespace":""}""", "'namespace' is ''")]
    [InlineData("""{"container":"c","image":"i","containerd":"c.sock"}""", "not an absolute path")]
    [InlineData("""{"container":"c","image":"i","speed":1}""", "'speed'")]
    public void WrongRequestsAreExplained(string body, string complaint)
    {
        SluiceException error = Assert.Throws<SluiceException>(() => CommitRequest.Parse(Json(body)));
        Assert.Equal(SluiceError.Usage, error.Error);
        Assert.Contains(complaint, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnAnswerComesBackAsItWasWritten()
    {
        CommittedImage sent = new("sha256:1", ["sha256:2", "sha256:3"], 1, ["the socket 's' is left out"]);
        CommittedImage received = CommittedImage.Parse(Json(Encoding.UTF8.GetString(AdminJson.Write(sent.Write))))!;
        Assert.Equal((sent.Digest, sent.Pushed), (received.Digest, received.Pushed));
        Assert.Equal(sent.Layers, received.Layers);
        Assert.Equal(sent.Warnings, received.Warnings);
        Assert.Null(CommittedImage.Parse(Json("""{"digest":"a","layers":[1],"pushed":1,"warnings":[]}""")));
        Assert.Null(CommittedImage.Parse(Json("""{"name":"a","digest":"b"}""")));
    }

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
}
