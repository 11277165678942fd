using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Sluice.Formats.Oci;

namespace Sluice.Registry.Tests;

public sealed class UploadTests
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 1000).Select(i => (byte)(i * 7))];

    private static readonly Digest ContentDigest = Digest.Sha256(Content);

    [Fact]
    public async Task PushesInTwoRequests()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        string location = await BeginAsync(registry);
        HttpResponseMessage response = await registry.SendAsync(HttpMethod.Put, $"{location}?digest={ContentDigest}", Content);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal($"/v2/a/blobs/{ContentDigest}", response.Header("Location"));
        Assert.Equal(Content, await (await registry.GetAsync($"/v2/a/blobs/{ContentDigest}")).BytesAsync());
        await registry.GetAsync(location).FailsAsync(404, "BLOB_UPLOAD_UNKNOWN");
    }

    [Fact]
    public async Task PushesInChunksAndTellsWhereToGoOn()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        string location = await BeginAsync(registry);
        HttpResponseMessage response = await PatchAsync(registry, location, 0, 400);
        Assert.Equal((202, "0-399"), ((int)response.StatusCode, response.Header("Range")));

        // A chunk that does not follow, one that was sent already, and one of another length than it says.
        response = await PatchAsync(registry, location, 500, 100);
        Assert.Equal((416, "0-399"), ((int)response.StatusCode, response.Header("Range")));
        await PatchAsync(registry, location, 0, 400).SucceedsAsync(416);
        await registry.SendAsync(HttpMethod.Patch, location, new byte[3], ("Content-Range", "400-499")).FailsAsync(400, "SIZE_INVALID");
        await registry.SendAsync(HttpMethod.Patch, location, new byte[3], ("Content-Range", "junk")).FailsAsync(400, "BLOB_UPLOAD_INVALID");

        response = await registry.GetAsync(location);
        Assert.Equal((204, "0-399"), ((int)response.StatusCode, response.Header("Range")));
        Assert.Equal(location, response.Header("Location"));
        await PatchAsync(registry, location, 400, 500).SucceedsAsync(202);
        await registry.SendAsync(HttpMethod.Put, $"{location}?digest={ContentDigest}", Content[900..], ("Content-Range", "900-999")).SucceedsAsync(201);
        Assert.Equal(Content, await (await registry.GetAsync($"/v2/a/blobs/{ContentDigest}")).BytesAsync());
    }

    [Fact]
    public async Task StreamsWithoutContentRangeAppend()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        string location = await BeginAsync(registry);
        await registry.SendAsync(HttpMethod.Patch, location, Content[..300]).SucceedsAsync(202);
        await registry.SendAsync(HttpMethod.Patch, location, Content[300..]).SucceedsAsync(202);
        await registry.SendAsync(HttpMethod.Put, $"{location}?digest={ContentDigest}").SucceedsAsync(201);
    }

    [Fact]
    public async Task UploadsSurviveARestart()
    {
        await using RunningRegistry first = await RunningRegistry.StartAsync();
        string location = await BeginAsync(first);
        await PatchAsync(first, location, 0, 600).SucceedsAsync(202);
        await first.Server.DisposeAsync();

        await using RunningRegistry second = await RunningRegistry.StartAsync(directory: first.Directory);
        Assert.Equal("0-599", (await second.GetAsync(location)).Header("Range"));
        await PatchAsync(second, location, 600, 400).SucceedsAsync(202);
        await second.SendAsync(HttpMethod.Put, $"{location}?digest={ContentDigest}").SucceedsAsync(201);
    }

    [Fact]
    public async Task Sha512IsVerifiedToo()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        string digest = "sha512:" + Convert.ToHexStringLower(SHA512.HashData(Content));
        string location = await BeginAsync(registry);
        await registry.SendAsync(HttpMethod.Put, $"{location}?digest={digest}", Content).SucceedsAsync(201);
        Assert.Equal(Content, await (await registry.GetAsync($"/v2/a/blobs/{digest}")).BytesAsync());
        await registry.SendAsync(HttpMethod.Post, $"/v2/a/blobs/uploads/?digest={digest}", Content[1..]).FailsAsync(400, "DIGEST_INVALID");
    }

    [Fact]
    public async Task WrongDigestsLeaveNothing()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        await registry.SendAsync(HttpMethod.Post, $"/v2/a/blobs/uploads/?digest={ContentDigest}", Content[1..]).FailsAsync(400, "DIGEST_INVALID");
        string location = await BeginAsync(registry);
        await registry.SendAsync(HttpMethod.Put, $"{location}?digest={ContentDigest}", Content[1..]).FailsAsync(400, "DIGEST_INVALID");
        await registry.SendAsync(HttpMethod.Put, $"{location}?digest={ContentDigest}", Content).FailsAsync(404, "BLOB_UPLOAD_UNKNOWN");
        location = await BeginAsync(registry);
        await registry.SendAsync(HttpMethod.Put, location, Content).FailsAsync(400, "DIGEST_INVALID");
        await registry.SendAsync(HttpMethod.Put, $"{location}?digest=md5:12", Content).FailsAsync(400, "DIGEST_INVALID");
        await registry.GetAsync($"/v2/a/blobs/{ContentDigest}").FailsAsync(404, "BLOB_UNKNOWN");
        Assert.False(Directory.Exists(Path.Combine(registry.Directory, "blobs")));
    }

    [Fact]
    public async Task CancelledUploadsAreGone()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        string location = await BeginAsync(registry);
        await registry.SendAsync(HttpMethod.Delete, location).SucceedsAsync(204);
        await registry.SendAsync(HttpMethod.Delete, location).FailsAsync(404, "BLOB_UPLOAD_UNKNOWN");
        await registry.SendAsync(HttpMethod.Patch, location, Content).FailsAsync(404, "BLOB_UPLOAD_UNKNOWN");
        await registry.GetAsync("/v2/a/blobs/uploads/..%2f..%2fx").FailsAsync(404, "BLOB_UPLOAD_UNKNOWN");
        await registry.GetAsync("/v2/a/blobs/uploads/0123").FailsAsync(404, "BLOB_UPLOAD_UNKNOWN");
        Assert.Equal(["registry"], Directory.GetFiles(registry.Directory, "*", SearchOption.AllDirectories).Select(Path.GetFileName));
    }

    [Fact]
    public async Task UploadsBelongToTheirRepository()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        string location = await BeginAsync(registry);
        await registry.GetAsync(location.Replace("/a/", "/b/", StringComparison.Ordinal)).FailsAsync(404, "BLOB_UPLOAD_UNKNOWN");
    }

    [Fact]
    public async Task MountsFromRepositoriesThatHaveTheBlob()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        await registry.PushBlobAsync("a", Content);
        HttpResponseMessage response = await registry.SendAsync(HttpMethod.Post, $"/v2/b/blobs/uploads/?mount={ContentDigest}&from=a");
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal($"/v2/b/blobs/{ContentDigest}", response.Header("Location"));
        Assert.Equal(Content, await (await registry.GetAsync($"/v2/b/blobs/{ContentDigest}")).BytesAsync());

        // Otherwise an ordinary upload begins: without a source, from a repository that lacks it, and from no repository.
        foreach (string query in (string[])[$"mount={ContentDigest}", $"mount={ContentDigest}&from=d", $"mount={ContentDigest}&from=../a", "mount=junk&from=a"])
        {
            response = await registry.SendAsync(HttpMethod.Post, $"/v2/c/blobs/uploads/?{query}");
            Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        }

        await registry.GetAsync($"/v2/c/blobs/{ContentDigest}").FailsAsync(404, "BLOB_UNKNOWN");
    }

    [Fact]
    public async Task ManyMayPushOneBlobAtOnce()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        byte[] big = new byte[3_000_000];
        new Random(1).NextBytes(big);
        Digest digest = Digest.Sha256(big);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => registry.PushBlobAsync($"a{i % 3}", big)));
        for (int i = 0; i < 3; i++) Assert.Equal(big, await (await registry.GetAsync($"/v2/a{i}/blobs/{digest}")).BytesAsync());
        Assert.Equal(5, Directory.GetFiles(registry.Directory, "*", SearchOption.AllDirectories).Length);
    }

    [Fact]
    public async Task OneRequestAtATimeHoldsAnUpload()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        using HttpClient client = new() { BaseAddress = registry.Server.Address };
        string location = "";
        HttpStatusCode slowly = default, other = default;
        for (int attempt = 0; attempt < 50 && other != HttpStatusCode.Conflict; attempt++)
        {
            location = await BeginAsync(registry);
            TaskCompletionSource begun = new(), release = new();
            Task<HttpResponseMessage> slow = client.SendAsync(
                new HttpRequestMessage(HttpMethod.Patch, location) { Content = new PausedContent(Content, begun, release.Task) }, TestContext.Current.CancellationToken);
            await Task.WhenAny(begun.Task, slow);

            // It holds the upload once the server has read its head. If one of the others held it at that moment, it is refused, and there is another attempt.
            other = HttpStatusCode.Accepted;
            for (int i = 0; i < 50 && other == HttpStatusCode.Accepted; i++) other = (await registry.SendAsync(HttpMethod.Patch, location, [])).StatusCode;
            release.SetResult();
            slowly = (await slow).StatusCode;
        }

        Assert.Equal((HttpStatusCode.Conflict, HttpStatusCode.Accepted), (other, slowly));
        await registry.SendAsync(HttpMethod.Put, $"{location}?digest={ContentDigest}").SucceedsAsync(201);
    }

    private static async Task<string> BeginAsync(RunningRegistry registry)
    {
        HttpResponseMessage response = await registry.SendAsync(HttpMethod.Post, "/v2/a/blobs/uploads/");
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal("0-0", response.Header("Range"));
        return response.Header("Location")!;
    }

    private static Task<HttpResponseMessage> PatchAsync(RunningRegistry registry, string location, int offset, int length) => registry.SendAsync(
        HttpMethod.Patch,
        location,
        Content[offset..(offset + length)],
        ("Content-Range", string.Create(CultureInfo.InvariantCulture, $"{offset}-{offset + length - 1}")));

    /// <summary>Sends half, then waits.</summary>
    private sealed class PausedContent(byte[] content, TaskCompletionSource begun, Task release) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(content.AsMemory(0, content.Length / 2));
            await stream.FlushAsync();
            begun.TrySetResult();
            await release;
            await stream.WriteAsync(content.AsMemory(content.Length / 2));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = content.Length;
            return true;
        }
    }
}
