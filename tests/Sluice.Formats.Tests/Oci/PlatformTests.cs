using System.Text;
using Sluice.Formats.Oci;

namespace Sluice.Formats.Tests.Oci;

public sealed class PlatformTests
{
    [Theory]
    [InlineData("linux/amd64", "linux/amd64")]
    [InlineData("linux/x86_64", "linux/amd64")]
    [InlineData("Linux/AMD64/v1", "linux/amd64")]
    [InlineData("linux/arm", "linux/arm/v7")]
    [InlineData("linux/arm/6", "linux/arm/v6")]
    [InlineData("linux/armel", "linux/arm/v6")]
    [InlineData("linux/aarch64", "linux/arm64")]
    [InlineData("linux/arm64/v8", "linux/arm64")]
    [InlineData("macos/arm64", "darwin/arm64")]
    public void Spellings_are_normalised(string text, string normal) => Assert.Equal(normal, Platform.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("linux")]
    [InlineData("linux/")]
    [InlineData("linux/amd64/v1/x")]
    [InlineData("linux/am d64")]
    public void Other_text_is_refused(string text) => Assert.Equal(SluiceError.Usage, Assert.Throws<SluiceException>(() => Platform.Parse(text)).Error);

    [Theory]
    [InlineData("linux/amd64", "linux/amd64", 0)]
    [InlineData("linux/amd64", "linux/386", 1)]
    [InlineData("linux/amd64", "linux/amd64/v2", -1)]
    [InlineData("linux/amd64/v3", "linux/amd64/v2", 1)]
    [InlineData("linux/amd64/v3", "linux/amd64", 2)]
    [InlineData("linux/arm/v7", "linux/arm/v6", 1)]
    [InlineData("linux/arm/v6", "linux/arm/v7", -1)]
    [InlineData("linux/arm64", "linux/arm/v7", 2)]
    [InlineData("linux/arm64", "linux/amd64", -1)]
    [InlineData("linux/amd64", "windows/amd64", -1)]
    public void Ranks(string machine, string offered, int rank) => Assert.Equal(rank, Platform.Parse(machine).Rank(Platform.Parse(offered)));

    [Fact]
    public void An_index_offers_the_best_first()
    {
        ImageIndex index = ImageIndex.Parse(Encoding.UTF8.GetBytes("{\"schemaVersion\":2,\"manifests\":[" + string.Join(',', new[]
        {
            Entry('a', "\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v5\""),
            Entry('b', "\"os\":\"unknown\",\"architecture\":\"unknown\""),
            Entry('c', "\"os\":\"linux\",\"architecture\":\"arm64\",\"os.features\":[\"nydus.remoteimage.v1\"]"),
            Entry('d', "\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\""),
            Entry('e', "\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\""),
        }) + "]}"));
        Assert.Equal("dcea", string.Concat(index.Select(Platform.Parse("linux/arm64")).Select(entry => entry.Digest.Hex[0])));
        Assert.Equal("cdea", string.Concat(index.Select(Platform.Parse("linux/arm64") with { OsFeatures = ["nydus.remoteimage.v1"] }).Select(entry => entry.Digest.Hex[0])));
        Assert.Empty(index.Select(Platform.Parse("linux/s390x")));
    }

    private static string Entry(char digit, string platform) =>
        $"{{\"mediaType\":\"{MediaTypes.OciManifest}\",\"digest\":\"sha256:{new string(digit, 64)}\",\"size\":1,\"platform\":{{{platform}}}}}";
}
