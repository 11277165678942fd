using System.Globalization;
using System.Text;
using Sluice.Formats.Oci;
using Sluice.Testing;

namespace Sluice.Registry.Tests;

/// <summary>What a crash leaves: the directory is copied after every step on disk, and a new registry opens the copy.</summary>
public sealed class CrashTests
{
    [Fact]
    public async Task ACrashWhileABlobIsPushedLeavesItWholeOrInvisible()
    {
        using Snapshots snapshots = new();
        byte[] content = [.. Enumerable.Range(0, 100_000).Select(i => (byte)i)];
        Digest digest = Digest.Sha256(content);
        await using (RunningRegistry registry = await RunningRegistry.StartAsync(options => options with { Durable = true, AfterStep = snapshots.Take }))
        {
            snapshots.Source = registry.Directory;
            await registry.PushBlobAsync("a", content);
        }

        int visible = 0;
        foreach (string directory in snapshots.All)
        {
            await using RunningRegistry registry = await RunningRegistry.StartAsync(directory: directory);
            HttpResponseMessage response = await registry.GetAsync($"/v2/a/blobs/{digest}");
            if (response.IsSuccessStatusCode)
            {
                visible++;
                Assert.Equal(content, await response.BytesAsync());
            }

            Assert.Empty(await (await registry.GetAsync("/v2/_catalog")).StringsAsync("repositories"));
            await registry.PushBlobAsync("a", content);
        }

        Assert.Equal(1, visible);
        Assert.True(snapshots.All.Count >= 4, $"{snapshots.All.Count} steps");
    }

    [Fact]
    public async Task ACrashWhileATagMovesLeavesOneOrTheOther()
    {
        using Snapshots snapshots = new();
        List<string> seen = [];
        Digest first;
        string second;
        await using (RunningRegistry registry = await RunningRegistry.StartAsync(options => options with { AfterStep = snapshots.Take }))
        {
            first = await registry.PushImageAsync("a", "v1", "one");
            second = await registry.MakeManifestAsync("a", "two");
            snapshots.Source = registry.Directory;
            await registry.PutManifestAsync("a", "v1", second).SucceedsAsync(201);
        }

        foreach (string directory in snapshots.All)
        {
            await using RunningRegistry registry = await RunningRegistry.StartAsync(directory: directory);
            HttpResponseMessage response = await registry.GetAsync("/v2/a/manifests/v1");
            Digest digest = Digest.Sha256(await response.BytesAsync());
            Assert.Equal(digest.ToString(), response.Header("Docker-Content-Digest"));
            seen.Add(digest.ToString());
        }

        Assert.Equal([first.ToString(), Digest.Sha256(Encoding.UTF8.GetBytes(second)).ToString()], seen.Distinct(StringComparer.Ordinal));
    }

    [Fact]
    public async Task OldLeftoversAreRemovedAtTheStart()
    {
        await using RunningRegistry first = await RunningRegistry.StartAsync();
        Digest image = await first.PushImageAsync("a/b", "v1");
        Digest deleted = await first.PushBlobAsync("a/b", [1, 2, 3]);
        await first.SendAsync(HttpMethod.Delete, $"/v2/a/b/blobs/{deleted}").SucceedsAsync(202);
        string upload = (await first.SendAsync(HttpMethod.Post, "/v2/a/b/blobs/uploads/")).Header("Location")!;
        await first.Server.DisposeAsync();
        int before = FileCount(first.Directory);

        await using (RunningRegistry early = await StartLaterAsync(first, TimeSpan.FromHours(23)))
        {
            await early.GetAsync(upload).SucceedsAsync(204);
            Assert.Equal(before, FileCount(first.Directory));
        }

        await using RunningRegistry late = await StartLaterAsync(first, TimeSpan.FromHours(25));
        await late.GetAsync(upload).FailsAsync(404, "BLOB_UPLOAD_UNKNOWN");
        Assert.Equal(before - 2, FileCount(first.Directory));
        await late.GetAsync($"/v2/a/b/manifests/{image}").SucceedsAsync(200);
    }

    private static Task<RunningRegistry> StartLaterAsync(RunningRegistry registry, TimeSpan later) =>
        RunningRegistry.StartAsync(options => options with { Time = new LaterTime(later) }, registry.Directory);

    private static int FileCount(string directory) => Directory.GetFiles(directory, "*", SearchOption.AllDirectories).Length;

    private sealed class LaterTime(TimeSpan later) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + later;
    }

    /// <summary>Copies of a directory.</summary>
    private sealed class Snapshots : IDisposable
    {
        private readonly TemporaryDirectory _directory = new();

        /// <summary>What to copy; nothing until it is set.</summary>
        public string? Source { get; set; }

        public List<string> All { get; } = [];

        public void Take(string step)
        {
            if (Source is null) return;
            string copy = _directory.File(All.Count.ToString(CultureInfo.InvariantCulture));
            Directory.CreateDirectory(copy);
            foreach (string path in Directory.GetDirectories(Source, "*", SearchOption.AllDirectories))
                Directory.CreateDirectory(Path.Combine(copy, Path.GetRelativePath(Source, path)));
            foreach (string path in Directory.GetFiles(Source, "*", SearchOption.AllDirectories))
            {
                // The lock file is held; a new registry writes its own.
                if (Path.GetFileName(path) != "registry") File.Copy(path, Path.Combine(copy, Path.GetRelativePath(Source, path)));
            }

            All.Add(copy);
        }

        public void Dispose() => _directory.Dispose();
    }
}
