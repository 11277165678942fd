namespace Sluice.Registry.Tests;

public sealed class ListTests
{
    [Fact]
    public async Task TagsComeInPages()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        string[] tags = ["1.0", "A", "b", "v1", "v10", "v2"];
        foreach (string tag in tags.Reverse()) await registry.PushImageAsync("a/b", tag);
        Assert.Equal(tags, await (await registry.GetAsync("/v2/a/b/tags/list")).StringsAsync("tags"));

        List<string> seen = [];
        string? next = "/v2/a/b/tags/list?n=2";
        while (next is not null)
        {
            HttpResponseMessage response = await registry.GetAsync(next);
            seen.AddRange(await response.StringsAsync("tags"));
            string? link = response.Header("Link");
            if (link is not null) Assert.EndsWith(">; rel=\"next\"", link, StringComparison.Ordinal);
            next = link?[1..link.IndexOf('>', StringComparison.Ordinal)];
        }

        Assert.Equal(tags, seen);
        Assert.Equal(["v10", "v2"], await (await registry.GetAsync("/v2/a/b/tags/list?last=v1")).StringsAsync("tags"));
        Assert.Equal(["v10"], await (await registry.GetAsync("/v2/a/b/tags/list?last=v1&n=1")).StringsAsync("tags"));
        Assert.Equal(["b"], await (await registry.GetAsync("/v2/a/b/tags/list?last=Z&n=1")).StringsAsync("tags"));
        Assert.Empty(await (await registry.GetAsync("/v2/a/b/tags/list?n=0")).StringsAsync("tags"));
        await registry.GetAsync("/v2/a/b/tags/list?n=-1").FailsAsync(400, "UNSUPPORTED");
        await registry.GetAsync("/v2/a/tags/list").FailsAsync(404, "NAME_UNKNOWN");
    }

    [Fact]
    public async Task TheCatalogHasRepositoriesWithManifests()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        Assert.Empty(await (await registry.GetAsync("/v2/_catalog")).StringsAsync("repositories"));
        string[] names = ["a", "a/b/c", "blobs/uploads", "manifests", "z-z"];
        foreach (string name in names) await registry.PushImageAsync(name, "v1");
        await registry.PushBlobAsync("only-blobs", [1]);
        Assert.Equal(names, await (await registry.GetAsync("/v2/_catalog")).StringsAsync("repositories"));
        HttpResponseMessage response = await registry.GetAsync("/v2/_catalog?n=2&last=a");
        Assert.Equal(["a/b/c", "blobs/uploads"], await response.StringsAsync("repositories"));
        Assert.Equal("</v2/_catalog?n=2&last=blobs%2Fuploads>; rel=\"next\"", response.Header("Link"));
        foreach (string name in names) await registry.GetAsync($"/v2/{name}/manifests/v1").SucceedsAsync(200);
    }
}
