using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Sluice.Formats.Oci;

namespace Sluice.Registry.Tests;

public sealed class ManifestTests
{
    private const string Unknown = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

    [Fact]
    public async Task GivesManifestsByTagAndDigest()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        string json = await registry.MakeManifestAsync("a/b");
        HttpResponseMessage response = await registry.PutManifestAsync("a/b", "v1", json);
        Digest digest = Digest.Sha256(Encoding.UTF8.GetBytes(json));
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(digest.ToString(), response.Header("Docker-Content-Digest"));
        Assert.Equal($"/v2/a/b/manifests/{digest}", response.Header("Location"));
        foreach (string reference in (string[])["v1", digest.ToString()])
        {
            response = await registry.GetAsync($"/v2/a/b/manifests/{reference}");
            Assert.Equal(MediaTypes.OciManifest, response.Header("Content-Type"));
            Assert.Equal(digest.ToString(), response.Header("Docker-Content-Digest"));
            Assert.Equal(json, Encoding.UTF8.GetString(await response.BytesAsync()));
            response = await registry.SendAsync(HttpMethod.Head, $"/v2/a/b/manifests/{reference}");
            Assert.Equal(Encoding.UTF8.GetByteCount(json), response.Content.Headers.ContentLength);
        }
    }

    [Fact]
    public async Task TagsMove()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        Digest first = await registry.PushImageAsync("a", "latest", "one");
        Digest second = await registry.PushImageAsync("a", "latest", "two");
        Assert.Equal(second.ToString(), (await registry.GetAsync("/v2/a/manifests/latest")).Header("Docker-Content-Digest"));
        await registry.GetAsync($"/v2/a/manifests/{first}").SucceedsAsync(200);
    }

    [Fact]
    public async Task DigestsOfBothAlgorithmsAreVerified()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        string json = await registry.MakeManifestAsync("a");
        string sha512 = "sha512:" + Convert.ToHexStringLower(SHA512.HashData(Encoding.UTF8.GetBytes(json)));
        await registry.PutManifestAsync("a", sha512, json).SucceedsAsync(201);
        await registry.GetAsync($"/v2/a/manifests/{sha512}").SucceedsAsync(200);
        await registry.PutManifestAsync("a", sha512, json + " ").FailsAsync(400, "DIGEST_INVALID");
        await registry.PutManifestAsync("a", Unknown, json).FailsAsync(400, "DIGEST_INVALID");
        await registry.PutManifestAsync("a", "sha1:12", json).FailsAsync(400, "DIGEST_INVALID");
    }

    [Fact]
    public async Task WhatIsReferredToMustBeThere()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        string json = await registry.MakeManifestAsync("a");
        await registry.PutManifestAsync("b", "v1", json).FailsAsync(400, "MANIFEST_BLOB_UNKNOWN");
        await registry.PutManifestAsync("a", "v1", json.Replace("\"size\":5", "\"size\":6", StringComparison.Ordinal)).FailsAsync(400, "MANIFEST_INVALID");
        string index = $$"""{"schemaVersion":2,"manifests":[{"mediaType":"{{MediaTypes.OciManifest}}","digest":"{{Unknown}}","size":7}]}""";
        await registry.PutManifestAsync("a", "v1", index, MediaTypes.OciIndex).FailsAsync(400, "MANIFEST_BLOB_UNKNOWN");
        await registry.GetAsync("/v2/a/tags/list").FailsAsync(404, "NAME_UNKNOWN");
    }

    [Fact]
    public async Task ForeignLayersAndSubjectsNeedNotBeThere()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        Digest config = await registry.PushBlobAsync("a", "{}"u8.ToArray());
        string json = $$"""
            {"schemaVersion":2,"subject":{"mediaType":"{{MediaTypes.OciManifest}}","digest":"{{Unknown}}","size":7},
             "config":{"mediaType":"{{MediaTypes.OciConfig}}","digest":"{{config}}","size":2},
             "layers":[{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"{{Unknown}}","size":9,"urls":["https://example.org/x"]}]}
            """;
        HttpResponseMessage response = await registry.PutManifestAsync("a", "v1", json);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(Unknown, response.Header("OCI-Subject"));
    }

    [Fact]
    public async Task IndexesReferToManifests()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        Digest digest = await registry.PushImageAsync("a", "amd64");
        long? size = (await registry.GetAsync("/v2/a/manifests/amd64")).Content.Headers.ContentLength;
        string index = $$"""{"schemaVersion":2,"manifests":[{"mediaType":"{{MediaTypes.OciManifest}}","digest":"{{digest}}","size":{{size}}}]}""";
        await registry.PutManifestAsync("a", "v1", index, MediaTypes.OciIndex).SucceedsAsync(201);
        Assert.Equal(MediaTypes.OciIndex, (await registry.GetAsync("/v2/a/manifests/v1")).Header("Content-Type"));
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("""{"schemaVersion":2}""", null)]
    [InlineData("""{"mediaType":"application/vnd.oci.image.index.v1+json"}""")]
    [InlineData("""{"mediaType":5}""")]
    [InlineData("""{"layers":{}}""")]
    [InlineData("""{"layers":[5]}""")]
    [InlineData("""{"layers":[{"digest":"x","size":1}]}""")]
    [InlineData("""{"layers":[{"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":-1}]}""")]
    [InlineData("""{"layers":[{"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":"1"}]}""")]
    [InlineData("""{"config":"x"}""")]
    [InlineData("""{"subject":{"digest":5,"size":1}}""")]
    [InlineData("""{"artifactType":"\ud800"}""")]
    [InlineData("""{"annotations":{"a":"\udfff"}}""")]
    [InlineData("""{"annotations":{"a":1}}""")]
    [InlineData("""{"annotations":[]}""")]
    public async Task BadManifestsAreErrors(string json, string? type = MediaTypes.OciManifest)
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        await registry.PutManifestAsync("a", "v1", json, type ?? "").FailsAsync(400, "MANIFEST_INVALID");
    }

    [Fact]
    public async Task MutatedManifestsAreTakenOrRefused()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        string field = $$"""
            "artifactType":"application/x.y","subject":{"mediaType":"{{MediaTypes.OciManifest}}","digest":"{{Unknown}}","size":1},"annotations":{"k":"v"},
            """;
        byte[] manifest = Encoding.UTF8.GetBytes(await registry.MakeManifestAsync("a", fields: field));
        Random random = new(77);
        for (int i = 0; i < 400; i++)
        {
            byte[] mutated = [.. manifest];
            for (int change = random.Next(3); change >= 0; change--) mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            HttpResponseMessage response = await registry.SendAsync(
                HttpMethod.Put, "/v2/a/manifests/v1", mutated, ("Content-Type", MediaTypes.OciManifest));
            Assert.True((int)response.StatusCode is 201 or 400, Encoding.UTF8.GetString(await response.BytesAsync()));
        }
    }

    [Fact]
    public async Task LargeManifestsAndBadTagsAreErrors()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        await registry.PutManifestAsync("a", "v1", new string(' ', (4 << 20) + 1)).FailsAsync(413, "SIZE_INVALID");
        string json = await registry.MakeManifestAsync("a");
        await registry.PutManifestAsync("a", "-v1", json).FailsAsync(400, "MANIFEST_INVALID");
        await registry.PutManifestAsync("a", new string('v', 129), json).FailsAsync(400, "MANIFEST_INVALID");
        await registry.PutManifestAsync("a", "v1", json + new string(' ', (4 << 20) - json.Length)).SucceedsAsync(201);
    }

    [Fact]
    public async Task MissingManifestsAreErrors()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        await registry.GetAsync("/v2/a/manifests/v1").FailsAsync(404, "NAME_UNKNOWN");
        await registry.PushImageAsync("a", "v1");
        await registry.GetAsync("/v2/a/manifests/v2").FailsAsync(404, "MANIFEST_UNKNOWN");
        await registry.GetAsync("/v2/a/manifests/.hidden").FailsAsync(404, "MANIFEST_UNKNOWN");
        await registry.GetAsync($"/v2/a/manifests/{Unknown}").FailsAsync(404, "MANIFEST_UNKNOWN");
        Assert.Equal(HttpStatusCode.NotFound, (await registry.SendAsync(HttpMethod.Head, "/v2/a/manifests/v2")).StatusCode);
    }

    [Fact]
    public async Task DeletesTagsAndManifests()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        Digest digest = await registry.PushImageAsync("a", "v1");
        await registry.PushImageAsync("a", "v2");
        await registry.PushImageAsync("a", "v3", "other");
        await registry.SendAsync(HttpMethod.Delete, "/v2/a/manifests/v1").SucceedsAsync(202);
        await registry.SendAsync(HttpMethod.Delete, "/v2/a/manifests/v1").FailsAsync(404, "MANIFEST_UNKNOWN");
        await registry.GetAsync($"/v2/a/manifests/{digest}").SucceedsAsync(200);
        await registry.SendAsync(HttpMethod.Delete, $"/v2/a/manifests/{digest}").SucceedsAsync(202);
        await registry.SendAsync(HttpMethod.Delete, $"/v2/a/manifests/{digest}").FailsAsync(404, "MANIFEST_UNKNOWN");
        Assert.Equal(["v3"], await (await registry.GetAsync("/v2/a/tags/list")).StringsAsync("tags"));
    }

    [Fact]
    public async Task ListsReferrers()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        Digest subject = await registry.PushImageAsync("a", "v1");
        string field = $$"""
            "subject":{"mediaType":"{{MediaTypes.OciManifest}}","digest":"{{subject}}","size":1},"annotations":{"k":"v"},
            """;
        Digest signature = await registry.PushImageAsync("a", "s1", "one", field + """ "artifactType":"application/x.signature", """);
        Digest image = await registry.PushImageAsync("a", "s2", "two", field);

        HttpResponseMessage response = await registry.GetAsync($"/v2/a/referrers/{subject}");
        Assert.Equal(MediaTypes.OciIndex, response.Header("Content-Type"));
        JsonElement[] manifests = [.. (await response.JsonAsync()).GetProperty("manifests").EnumerateArray()];
        Assert.Equal(new[] { signature, image }.Order(), manifests.Select(m => Digest.Parse(m.GetProperty("digest").GetString()!)));
        Assert.All(manifests, m => Assert.Equal("v", m.GetProperty("annotations").GetProperty("k").GetString()));

        response = await registry.GetAsync($"/v2/a/referrers/{subject}?artifactType=application/x.signature");
        Assert.Equal("artifactType", response.Header("OCI-Filters-Applied"));
        JsonElement only = Assert.Single((await response.JsonAsync()).GetProperty("manifests").EnumerateArray());
        Assert.Equal(signature.ToString(), only.GetProperty("digest").GetString());
        response = await registry.GetAsync($"/v2/a/referrers/{subject}?artifactType={Uri.EscapeDataString(MediaTypes.OciConfig)}");
        only = Assert.Single((await response.JsonAsync()).GetProperty("manifests").EnumerateArray());
        Assert.Equal(image.ToString(), only.GetProperty("digest").GetString());

        await registry.SendAsync(HttpMethod.Delete, $"/v2/a/manifests/{signature}").SucceedsAsync(202);
        Assert.Single((await (await registry.GetAsync($"/v2/a/referrers/{subject}")).JsonAsync()).GetProperty("manifests").EnumerateArray());
        Assert.Empty((await (await registry.GetAsync($"/v2/a/referrers/{Unknown}")).JsonAsync()).GetProperty("manifests").EnumerateArray());
        await registry.GetAsync("/v2/a/referrers/junk").FailsAsync(400, "DIGEST_INVALID");
    }
}
