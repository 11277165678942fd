using System.Text.Json;
using Sluice.EndToEnd.Harness;
using Sluice.Formats.Oci;
using Sluice.Formats.Trees;
using Sluice.Storage.Sources;
using Sluice.Testing.Images;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Admin;

public sealed class CacheCommandTests
{
    [Fact]
    public async Task What_is_cached_of_an_image_is_listed_checked_kept_evicted_and_carried_to_another_node()
    {
        TestMachine.RequireContainerd();
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "one");
        await node.ExecAsync("one", "cat /data/* > /dev/null");
        JsonElement listed = await AskAsync(node, "ls");
        JsonElement largest = listed.GetProperty("blobs").EnumerateArray().First();
        Assert.NotEqual(0, largest.GetProperty("storedChunks").GetInt64());
        Assert.Equal(image, Assert.Single(largest.GetProperty("images").EnumerateArray()).GetString());
        Assert.InRange(listed.GetProperty("used").GetInt64(), OrdinaryImage.DataFileSize, long.MaxValue);
        Assert.Contains("saved", (await RunAsync(node, "ls")).Succeeds().Output, StringComparison.Ordinal);

        Assert.Equal(0, (await AskAsync(node, "verify")).GetProperty("wrong").GetInt64());
        string archive = node.Workspace.File("cache.tar");
        long exported = (await AskAsync(node, "export", image, archive)).GetProperty("chunks").GetInt64();
        Assert.NotEqual(0, exported);

        await AskAsync(node, "pin", image);
        Assert.Equal(0, (await AskAsync(node, "prune")).GetProperty("freed").GetInt64());
        await AskAsync(node, "unpin", image);
        Assert.NotEqual(0, (await AskAsync(node, "prune")).GetProperty("freed").GetInt64());
        Assert.Equal(exported, (await AskAsync(node, "import", archive)).GetProperty("chunks").GetInt64());
        await node.ExecAsync("one", "cat /data/* > /dev/null");

        (await RunAsync(node, "pin", "nobody/nothing:v1")).Fails(4, "no image of this name is here");
        (await RunAsync(node, "import", node.Workspace.File("missing.tar"))).Fails(8, "can't be read");
        (await RunAsync(node, "prune", "--to", "much")).Fails(2, "not a number of bytes");
        await node.RemoveContainerAsync("one");

        // What is not mounted is checked and carried, too.
        await node.CtrAsync("images", "rm", image);
        await node.CollectGarbageAsync();
        Directory.Delete(Path.Combine(node.Root, "traces"), recursive: true); // the pull would follow them, and hold what comes open
        await node.PullAsync(image);
        await AskAsync(node, "import", archive);
        Assert.All((await AskAsync(node, "ls")).GetProperty("blobs").EnumerateArray(), blob => Assert.False(blob.GetProperty("open").GetBoolean()));
        JsonElement found = await AskAsync(node, "verify");
        Assert.Equal((exported, 0L), (found.GetProperty("chunks").GetInt64(), found.GetProperty("wrong").GetInt64()));
        Assert.Equal(exported, (await AskAsync(node, "export", image, archive)).GetProperty("chunks").GetInt64());
    }

    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task An_archive_is_all_that_a_node_without_registry_needs(ImageFormat format)
    {
        TestMachine.RequireContainerd();
        await using TestNode first = await TestNode.StartAsync();
        string image = await first.ConvertedAsync(new OrdinaryImage(), format);
        await first.PullAsync(image);
        string said = await first.RunAsync(image, "here");
        string archive = first.Workspace.File("image.tar");
        JsonElement exported = await AskAsync(first, "export", image, archive);
        Assert.Equal(image, Assert.Single(exported.GetProperty("images").EnumerateArray()).GetString());
        await first.Registry.StopAsync();
        Assert.NotEqual(0, (await AskAsync(first, "export", image, archive)).GetProperty("chunks").GetInt64()); // what an archive needs is here since the first
        await first.UnmountAllAsync();

        await using TestNode second = await TestNode.StartAsync();
        (await second.TryPullAsync(image)).Fails(5, first.Registry.Host);
        Assert.Contains(image, (await RunAsync(second, "import", archive)).Succeeds().Output, StringComparison.Ordinal);
        await second.StopDaemonAsync();
        await second.StartDaemonAsync(); // an image that waits for its pull stays
        Assert.NotEqual(0, (await second.TryPullAsync(image, "--snapshotter", "nobody")).ExitCode); // and so it does after a pull that failed
        SluiceResult pulled = (await second.TryPullAsync(image)).Succeeds();
        Assert.Contains("is what was imported", pulled.Error, StringComparison.Ordinal);
        Assert.Equal(said, await second.RunAsync(image, "there"));

        string again = second.Workspace.File("again.tar");
        Assert.Equal(exported.GetProperty("chunks").GetInt64(), (await AskAsync(second, "export", image, again)).GetProperty("chunks").GetInt64());
        await second.CtrAsync("images", "rm", image);
        await second.AssertNothingIsLeftAsync();

        // Other tools see an OCI layout.
        await second.CtrAsync("images", "import", "--no-unpack", again);
        Assert.Contains(image, await second.CtrAsync("images", "ls"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_another_image_has_is_not_downloaded_and_counts_as_saved()
    {
        await using TestNode node = await TestNode.StartAsync();
        byte[] common = new byte[4 << 20];
        new Random(1).NextBytes(common);
        string first = await ConvertedAsync(node, "first", common), second = await ConvertedAsync(node, "second", common);
        Assert.Empty((await TestNode.LayersAsync(first)).Intersect(await TestNode.LayersAsync(second)));
        await node.PullAsync(first);
        await node.PullAsync(second);
        string expected = $"{Digest.Sha256(common).Hex}  /common";
        Assert.StartsWith(expected, await node.RunAsync(first, "first", "/bin/busybox", "sha256sum", "/common"), StringComparison.Ordinal);
        Assert.Equal(0, Saved(await AskAsync(node, "ls")));
        Assert.Contains(" saved 0 ", (await RunAsync(node, "ls")).Succeeds().Output, StringComparison.Ordinal);
        node.Registry.Forget();

        Assert.StartsWith(expected, await node.RunAsync(second, "second", "/bin/busybox", "sha256sum", "/common"), StringComparison.Ordinal);
        Assert.InRange(Saved(await AskAsync(node, "ls")), common.Length, long.MaxValue);
        Assert.DoesNotContain(" saved 0 ", (await RunAsync(node, "ls")).Succeeds().Output, StringComparison.Ordinal);
        Assert.InRange(node.Registry.RangedBytes, 0, common.Length / 2);
    }

    private static long Saved(JsonElement listed) => listed.GetProperty("shared").GetInt64() + listed.GetProperty("copied").GetInt64();

    /// <summary>A RAFS image of one layer, which no other name has.</summary>
    private static async Task<string> ConvertedAsync(TestNode node, string name, byte[] common)
    {
        TestImage image = new TestImage().Layer(layer =>
        {
            foreach (string directory in (string[])["bin", "dev", "proc", "run", "sys", "tmp"]) layer.Directory(directory);
            layer.File(new FileName("bin/busybox"), File.ReadAllBytes(Command.Require("busybox")), 0x1ED).File("a-" + name, name).File("common", common);
        });
        ImageReference ordinary = ImageReference.Parse(node.Image(name + ":v1"));
        await using (IImageStore store = ImageStores.Open(ordinary, new SourceOptions())) await image.StoreAsync(store, ordinary.Tag);
        (await SluiceProgram.RunAsync("convert", $"{ordinary}", node.Image(name + ":rafs"))).Succeeds();
        return node.Image(name + ":rafs");
    }

    private static Task<SluiceResult> RunAsync(TestNode node, params string[] arguments) =>
        SluiceProgram.RunAsync(["cache", .. arguments, "--admin-address", SluiceDaemon.AdminSocketOf(node.Workspace.File("sluice"))]);

    private static async Task<JsonElement> AskAsync(TestNode node, params string[] arguments)
    {
        using JsonDocument answer = JsonDocument.Parse((await RunAsync(node, [.. arguments, "--json"])).Succeeds().Output);
        return answer.RootElement.Clone();
    }
}
