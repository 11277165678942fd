using System.Text;
using Sluice.Containerd.Client;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots;
using Sluice.EndToEnd.Blocks;
using Sluice.EndToEnd.Harness;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Testing.Images;

namespace Sluice.EndToEnd.Images;

/// <summary>Images that bring other bytes, or could, under the chain ids of images that others run.</summary>
public sealed class LayerNameTests
{
    [Fact]
    public async Task A_block_image_stands_for_those_of_its_own_registry_only()
    {
        await using TestNode node = await TestNode.StartAsync();
        await using TestRegistry other = await TestRegistry.StartAsync(node.Workspace.File("other"));
        BlockImage derived = await RunnableBlockImage.CreateAsync(node.Workspace), lower = new(derived.Layers[0]);
        string here = node.Image("app:v1"), there = $"{other.Host}/app:v1", lowerThere = $"{other.Host}/base:v1", copyHere = node.Image("copies/app:v1");
        foreach (string name in (string[])[here, there, copyHere]) await StoreAsync(derived, name);
        await StoreAsync(lower, lowerThere);

        await node.PullAsync(here);
        await node.PullAsync(copyHere);
        foreach (string refused in (string[])[there, lowerThere])
        {
            (await node.TryPullAsync(refused)).Fails(3, refused, here, other.Host, "remove");
            (await node.TryPullAsync(refused, "--namespace", "second")).Fails(3, refused, here, other.Host, "remove");
        }

        // containerd itself asks in another namespace, where it knows nothing of the layers.
        Digest layer = Digest.Sha256(lower.Layers[0]);
        Dictionary<string, string> labels = new()
        {
            [SnapshotLabels.Reference] = layer.ToString(),
            [SnapshotLabels.ImageReference] = lowerThere,
            [SnapshotLabels.ManifestDigest] = Digest.Sha256("any"u8).ToString(),
            [SnapshotLabels.LayerDigest] = layer.ToString(),
            [OverlayBdAnnotations.BlobDigest] = layer.ToString(),
        };
        using ContainerdClient client = node.Connect("second");
        GrpcException refusal = await Assert.ThrowsAsync<GrpcException>(() => client.Snapshots("sluice").PrepareAsync("extract", "", labels, TestMachine.Cancellation));
        Assert.Contains(here, refusal.Message, StringComparison.Ordinal);
        other.Forget();
        Assert.Equal("READY\n", await node.RunAsync(here, "one", "/bin/cat", "/etc/state"));
        Assert.Empty(other.BlobReads);

        await node.CtrAsync("images", "rm", "--sync", here, copyHere);
        await node.PullAsync(there);
        Assert.Equal("READY\n", await node.RunAsync(there, "two", "/bin/cat", "/etc/state"));
        (await node.TryPullAsync(here)).Fails(3, here, there);
        await node.CtrAsync("images", "rm", "--sync", there);
        await node.AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task A_RAFS_image_is_the_one_that_its_diff_ids_name()
    {
        await using TestNode node = await TestNode.StartAsync();
        string good = await node.ConvertedAsync(new OrdinaryImage()), forged = node.Image("forged:v1");
        ImageReference name = ImageReference.Parse(good);
        await using IImageStore store = ImageStores.Open(name, new SourceOptions());
        StoredImage image = await ImageResolver.ResolveAsync(store, name.TagOrDigest, Platform.Host, preferAccelerated: true, TestMachine.Cancellation);
        string config = Encoding.UTF8.GetString(await image.ReadBlobAsync(image.Manifest.Config, OciLimits.Config, TestMachine.Cancellation));
        IReadOnlyList<Digest> diffIds = ImageConfig.Parse(Encoding.UTF8.GetBytes(config)).DiffIds;
        await using (IImageStore destination = ImageStores.Open(ImageReference.Parse(forged), new SourceOptions()))
        {
            foreach (Descriptor layer in image.Manifest.Layers) await TestImage.PutAsync(destination, await image.ReadBlobAsync(layer, int.MaxValue, TestMachine.Cancellation), layer.MediaType);
            foreach (Digest claimed in diffIds)
            {
                byte[] lie = Encoding.UTF8.GetBytes(config.Replace(claimed.ToString(), Digest.Sha256("what somebody else runs"u8).ToString(), StringComparison.Ordinal));
                byte[] manifest = (image.Manifest with { Config = await TestImage.PutAsync(destination, lie, image.Manifest.Config.MediaType) }).ToBytes();
                await destination.PutManifestAsync(new StoredManifest(MediaTypes.OciManifest, Digest.Sha256(manifest), manifest), "v1", TestMachine.Cancellation);
                (await node.TryPullAsync(forged)).Fails(10, forged, "diff id");
            }
        }

        await node.AssertNothingIsLeftAsync();
        await node.PullAsync(good);
        Assert.Equal("READY\n", await node.RunAsync(good, "good", "/bin/cat", "/etc/state"));
    }

    private static async Task StoreAsync(BlockImage image, string reference)
    {
        ImageReference name = ImageReference.Parse(reference);
        await using IImageStore store = ImageStores.Open(name, new SourceOptions());
        await image.StoreAsync(store, name.Tag);
    }
}
