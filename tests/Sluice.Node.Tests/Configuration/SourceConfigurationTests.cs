using Sluice.Formats;
using Sluice.Node.Configuration;
using Sluice.Storage.Sources.Extra;

namespace Sluice.Node.Tests.Configuration;

public sealed class SourceConfigurationTests
{
    private const string Name = "/etc/sluice/test.yaml";

    [Fact]
    public void EveryKeyOfASourceIsRead()
    {
        NodeOptions options = ConfigurationFile.Parse(
            """
            registry:
              requests_per_second: 50
              proxy: http://proxy:3128
              no_proxy: [10.0.0.0/8, .site.test]
            fetch:
              concurrency_per_source: 4
              hedge_percent: 10
            sources:
            - type: s3
              endpoint: https://objects.site.test:9000
              bucket: blobs
              prefix: images/
              region: eu-1
              path_style: false
              credentials_file: /etc/sluice/objects
              profile: node
              ca: /etc/ssl/site.pem
              images: ["ghcr.io", "*.test/team/*"]
              order: last
            - { type: directory, path: /mnt/nas, object: "{algorithm}/{hex2}/{hex}/data" }
            - url: http://files/blobs
              type: http
              images: docker.io
            """,
            Name);
        Assert.Equal((50.0, 4, 0.1), (options.Sources.Places.RequestsPerSecond, options.Fetch.ConcurrencyPerSource, options.Fetch.HedgeShare));
        Assert.Equal(new Uri("http://proxy:3128"), options.Sources.Proxy!.GetProxy(new Uri("https://ghcr.io")));
        Assert.Null(options.Sources.Proxy.GetProxy(new Uri("https://a.site.test")));
        Assert.Null(options.Sources.Proxy.GetProxy(new Uri("https://10.1.2.3")));
        ExtraSourceOptions bucket = options.Sources.ExtraSources[0];
        Assert.Equal(["ghcr.io", "*.test/team/*"], bucket.Images);
        Assert.Equal(
            new ExtraSourceOptions
            {
                Kind = ExtraSourceKind.S3,
                Address = new Uri("https://objects.site.test:9000"),
                Bucket = "blobs",
                Prefix = "images/",
                Region = "eu-1",
                PathStyle = false,
                CredentialsFile = "/etc/sluice/objects",
                Profile = "node",
                Authorities = "/etc/ssl/site.pem",
                Order = ExtraSourceOrder.Last,
                Images = bucket.Images,
            },
            bucket);
        Assert.Equal(["s3 objects.site.test:9000/blobs", "directory /mnt/nas", "http http://files/blobs"], options.Sources.ExtraSources.Select(source => source.Name));
        Assert.Equal("{algorithm}/{hex2}/{hex}/data", options.Sources.ExtraSources[1].Object);
        Assert.Null(ConfigurationFile.Parse("registry: { proxy: none }", Name).Sources.Proxy);
    }

    [Theory]
    [InlineData("sources: 3", "is a list")]
    [InlineData("sources: [{ path: /x }]", "'type'")]
    [InlineData("sources: [{ type: ftp }]", "directory, http, s3")]
    [InlineData("sources: [{ type: directory }]", "lacks 'path'")]
    [InlineData("sources: [{ type: directory, path: nas }]", "absolute path")]
    [InlineData("sources: [{ type: directory, path: /nas, bucket: b }]", "'sources.bucket'")]
    [InlineData("sources: [{ type: http }]", "lacks 'url'")]
    [InlineData("sources: [{ type: http, url: 'ftp://x' }]", "https://HOST/PATH")]
    [InlineData("sources: [{ type: http, url: 'http://me:secret@x' }]", "without user")]
    [InlineData("sources: [{ type: s3, endpoint: 'http://x' }]", "lacks 'bucket'")]
    [InlineData("sources: [{ type: s3, endpoint: 'http://x', bucket: b, order: middle }]", "first, last")]
    [InlineData("sources: [{ type: http, url: 'http://x', object: blob }]", "{hex}")]
    [InlineData("registry: { proxy: 'ftp://me:secret@x' }", "registry.proxy")]
    public void WrongSourcesAreErrorsThatTellNoSecrets(string text, string message)
    {
        SluiceException error = Assert.Throws<SluiceException>(() => ConfigurationFile.Parse(text, Name));
        Assert.Equal((SluiceError.Configuration, $"{Name}:1"), (error.Error, error.Culprit));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }
}
