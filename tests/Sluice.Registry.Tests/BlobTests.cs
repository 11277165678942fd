using System.Net;
using Sluice.Formats.Oci;

namespace Sluice.Registry.Tests;

public sealed class BlobTests
{
    private static readonly byte[] Content = MakeContent(700_000);

    [Fact]
    public async Task GivesWholeBlobs()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        Digest digest = await registry.PushBlobAsync("a/b", Content);
        HttpResponseMessage response = await registry.GetAsync($"/v2/a/b/blobs/{digest}");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(digest.ToString(), response.Header("Docker-Content-Digest"));
        Assert.Equal("bytes", response.Header("Accept-Ranges"));
        Assert.Equal(Content, await response.BytesAsync());

        response = await registry.SendAsync(HttpMethod.Head, $"/v2/a/b/blobs/{digest}");
        Assert.Equal(Content.Length, response.Content.Headers.ContentLength);
        Assert.Empty(await response.BytesAsync());
    }

    [Theory]
    [InlineData("bytes=0-0", 0, 1)]
    [InlineData("bytes=10-19", 10, 10)]
    [InlineData("bytes=699999-", 699_999, 1)]
    [InlineData("bytes=699990-9999999", 699_990, 10)]
    [InlineData("bytes=1-9223372036854775807", 1, 699_999)]
    [InlineData("bytes=-5", 699_995, 5)]
    [InlineData("bytes=-9999999", 0, 700_000)]
    [InlineData("bytes=1000-500000", 1000, 499_001)]
    public async Task GivesRanges(string range, int offset, int length)
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        Digest digest = await registry.PushBlobAsync("a", Content);
        HttpResponseMessage response = await registry.GetAsync($"/v2/a/blobs/{digest}", ("Range", range));
        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal($"bytes {offset}-{offset + length - 1}/700000", response.Header("Content-Range"));
        Assert.Equal(Content[offset..(offset + length)], await response.BytesAsync());
    }

    [Theory]
    [InlineData("bytes=700000-", 416)]
    [InlineData("bytes=800000-900000", 416)]
    [InlineData("bytes=-0", 416)]
    [InlineData("bytes=5-3", 200)]
    [InlineData("bytes=x-3", 200)]
    [InlineData("bytes=1-2,5-6", 200)]
    [InlineData("bytes=99999999999999999999-", 200)]
    [InlineData("lines=1-2", 200)]
    public async Task RefusesOrIgnoresOtherRanges(string range, int status)
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        Digest digest = await registry.PushBlobAsync("a", Content);
        HttpResponseMessage response = await registry.GetAsync($"/v2/a/blobs/{digest}", ("Range", range));
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(status == 416 ? "bytes */700000" : null, response.Header("Content-Range"));
        Assert.Equal(status == 416 ? 0 : Content.Length, (await response.BytesAsync()).Length);
    }

    [Fact]
    public async Task ARangeOfOtherContentIsIgnored()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        Digest digest = await registry.PushBlobAsync("a", Content);
        await registry.GetAsync($"/v2/a/blobs/{digest}", ("Range", "bytes=0-9"), ("If-Range", $"\"{digest}\"")).SucceedsAsync(206);
        await registry.GetAsync($"/v2/a/blobs/{digest}", ("Range", "bytes=0-9"), ("If-Range", "\"other\"")).SucceedsAsync(200);
    }

    [Fact]
    public async Task EmptyBlobsAreBlobs()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        Digest digest = await registry.PushBlobAsync("a", []);
        HttpResponseMessage response = await registry.GetAsync($"/v2/a/blobs/{digest}");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(0, response.Content.Headers.ContentLength);
        await registry.GetAsync($"/v2/a/blobs/{digest}", ("Range", "bytes=0-")).SucceedsAsync(416);
    }

    [Fact]
    public async Task RepositoriesAreIsolatedAndContentIsShared()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        Digest digest = await registry.PushBlobAsync("a", Content);
        await registry.GetAsync($"/v2/b/blobs/{digest}").FailsAsync(404, "BLOB_UNKNOWN");
        await registry.PushBlobAsync("b", Content);
        Assert.Single(Directory.GetFiles(Path.Combine(registry.Directory, "blobs"), "*", SearchOption.AllDirectories));

        await registry.SendAsync(HttpMethod.Delete, $"/v2/a/blobs/{digest}").SucceedsAsync(202);
        await registry.SendAsync(HttpMethod.Delete, $"/v2/a/blobs/{digest}").FailsAsync(404, "BLOB_UNKNOWN");
        await registry.GetAsync($"/v2/a/blobs/{digest}").FailsAsync(404, "BLOB_UNKNOWN");
        await registry.GetAsync($"/v2/b/blobs/{digest}").SucceedsAsync(200);
    }

    [Fact]
    public async Task BadDigestsAndPathsAreErrors()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        await registry.GetAsync("/v2/a/blobs/sha256:zz").FailsAsync(400, "DIGEST_INVALID");
        await registry.GetAsync("/v2/a/blobs/..%2f..%2fregistry").FailsAsync(400, "DIGEST_INVALID");
        await registry.GetAsync("/v2/A/tags/list").FailsAsync(400, "NAME_INVALID");
        await registry.GetAsync("/v2/a..b/tags/list").FailsAsync(400, "NAME_INVALID");
        await registry.GetAsync("/v2/_blobs/tags/list").FailsAsync(400, "NAME_INVALID");
        await registry.GetAsync("/v2/a//b/tags/list").FailsAsync(400, "NAME_INVALID");
        await registry.GetAsync($"/v2/{new string('a', 256)}/tags/list").FailsAsync(400, "NAME_INVALID");
        await registry.GetAsync("/v2/a").FailsAsync(404, "UNSUPPORTED");
        await registry.GetAsync("/v1/_ping").FailsAsync(404, "UNSUPPORTED");
        await registry.SendAsync(HttpMethod.Post, "/v2/_catalog").FailsAsync(405, "UNSUPPORTED");
        await registry.GetAsync("/v2/").SucceedsAsync(200);
        await registry.GetAsync("/v2").SucceedsAsync(200);
    }

    private static byte[] MakeContent(int length)
    {
        byte[] content = new byte[length];
        new Random(12).NextBytes(content);
        return content;
    }
}
