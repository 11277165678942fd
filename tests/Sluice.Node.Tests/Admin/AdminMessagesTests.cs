using System.Text.Json;
using Sluice.Formats;
using Sluice.Node.Admin;

namespace Sluice.Node.Tests.Admin;

public sealed class AdminMessagesTests
{
    [Fact]
    public void ARequestComesBackAsItWasWritten()
    {
        PullRequest request = new() { Image = "host/app:v1", Platform = "linux/arm64", Containerd = "/run/c.sock", Namespace = "k8s.io", Snapshotter = "other" };
        Assert.Equal(request, PullRequest.Parse(Json(AdminJson.Write(request.Write))));
        Assert.Equal(new PullRequest { Image = "host/app:v1" }, PullRequest.Parse(Json("""{"image":"host/app:v1"}"""u8)));
        Assert.Equal(new PullRequest { Image = "host/app:v1" }, PullRequest.Parse(Json("""{"image":"host/app:v1","platform":null,"containerd":null,"namespace":null,"snapshotter":null}"""u8)));
    }

    [Theory]
    [InlineData("""[]""", "a JSON object is expected")]
    [InlineData("""{}""", "'image' is missing")]
    [InlineData("""{"image":7}""", "'image' must be a string")]
    [InlineData("""{"image":null}""", "'image' is missing")]
    [InlineData("""{"image":"a/b","speed":"fast"}""", "'speed' is not a field")]
    [InlineData("""{"image":"a/b","speed":null}""", "'speed' is not a field")]
    [InlineData("""{"image":"a/b","containerd":"run/c.sock"}""", "'run/c.sock', which is not an absolute path")]
    [InlineData("""{"image":"a/b","containerd":""}""", "is not an absolute path")]
    [InlineData("""{"image":"a/b","containerd":"/c\u0000"}""", "is not an absolute path")]
    [InlineData("""{"image":"a/b","namespace":""}""", "'namespace' is ''")]
    [InlineData("""{"image":"a/b","namespace":"../x"}""", "'namespace' is '../x'")]
    [InlineData("""{"image":"a/b","namespace":"a..b"}""", "'namespace' is 'a..b'")]
    [InlineData("""{"image":"a/b","namespace":"a\n"}""", "'namespace' is 'a\n'")]
    [InlineData("""{"image":"a/b","namespace":"a1234567890123456789012345678901234567890123456789012345678901234567890123456"}""", "at most 76 characters")]
    public void WrongRequestsAreExplained(string body, string complaint)
    {
        SluiceException error = Assert.Throws<SluiceException>(() => PullRequest.Parse(Json(System.Text.Encoding.UTF8.GetBytes(body))));
        Assert.Equal(SluiceError.Usage, error.Error);
        Assert.Contains(complaint, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ErrorsCrossTheSocketWhole()
    {
        SluiceException sent = new(SluiceError.Unauthorized, "registry r:5000", "login required", "log in");
        SluiceException received = Assert.IsType<SluiceException>(AdminJson.ReadError(Json(AdminJson.Write(writer => AdminJson.WriteError(writer, sent)))));
        Assert.Equal((sent.Error, sent.Culprit, sent.Message, sent.Hint), (received.Error, received.Culprit, received.Message, received.Hint));
        Assert.Null(AdminJson.ReadError(Json("""{"name":"a","digest":"b"}"""u8)));
    }

    private static JsonElement Json(ReadOnlySpan<byte> text) => JsonDocument.Parse(text.ToArray()).RootElement;
}
