using System.Text;
using Sluice.Build.Convert;
using Sluice.Build.Tests.Support;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Convert;

public class IndexTests
{
    [Fact]
    public async Task All_platforms_convert_and_attestations_follow_their_image()
    {
        await using var workshop = new Workshop();
        await StoreIndexAsync(workshop);
        ConvertResult result = await workshop.ConvertAsync(Workshop.Small with { AllPlatforms = true });
        Assert.Equal(2, result.Images.Count);
        StoredManifest stored = await workshop.Destination.GetManifestAsync("a", CancellationToken.None);
        ImageIndex index = ImageIndex.Parse(stored.Content.Span, stored.MediaType);
        Assert.Equal(["linux/amd64", "linux/arm64", "unknown/unknown"], index.Manifests.Select(m => m.Platform!.ToString()));
        Assert.Equal(index.Manifests[0].Digest.ToString(), index.Manifests[2].Annotations!["vnd.docker.reference.digest"]);
        StoredManifest attestation = await workshop.Destination.GetManifestAsync(index.Manifests[2].Digest.ToString(), CancellationToken.None);
        ImageManifest manifest = ImageManifest.Parse(attestation.Content.Span, attestation.MediaType);
        Assert.True(await workshop.Destination.HasBlobAsync(manifest.Layers[0].Digest, CancellationToken.None));

        ConvertResult again = await workshop.ConvertAsync(Workshop.Small with { AllPlatforms = true });
        Assert.Equal(result.Manifest.Digest, again.Manifest.Digest);
        Assert.All(again.Images, image => Assert.All(image.Layers, layer => Assert.True(layer.Reused)));
    }

    [Fact]
    public async Task One_platform_is_chosen_and_a_missing_one_is_an_error_that_lists_the_others()
    {
        await using var workshop = new Workshop();
        await StoreIndexAsync(workshop);
        ConvertResult result = await workshop.ConvertAsync(Workshop.Small with { Platform = Platform.Parse("linux/arm64") });
        Assert.Equal(MediaTypes.OciManifest, result.Manifest.MediaType);
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => workshop.ConvertAsync(Workshop.Small with { Platform = Platform.Parse("linux/s390x") }));
        Assert.Equal(SluiceError.NotFound, error.Error);
        Assert.Contains("linux/amd64, linux/arm64", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_index_inside_the_index_is_copied_with_all_it_lists()
    {
        await using var workshop = new Workshop();
        Descriptor amd = await PlatformAsync(workshop, "linux/amd64", "one"), inside = await PlatformAsync(workshop, "linux/arm64", "two");
        byte[] inner = new ImageIndex { Manifests = [inside] }.ToBytes();
        var nested = new StoredManifest(MediaTypes.OciIndex, Digest.Sha256(inner), inner);
        await workshop.Source.PutManifestAsync(nested, null, CancellationToken.None);
        byte[] outer = new ImageIndex { Manifests = [amd, nested.ToDescriptor()] }.ToBytes();
        await workshop.Source.PutManifestAsync(new StoredManifest(MediaTypes.OciIndex, Digest.Sha256(outer), outer), "a", CancellationToken.None);

        await workshop.ConvertAsync(Workshop.Small with { AllPlatforms = true });
        Assert.Equal(inner, (await workshop.Destination.GetManifestAsync(nested.Digest.ToString(), CancellationToken.None)).Content.ToArray());
        StoredManifest stored = await workshop.Destination.GetManifestAsync(inside.Digest.ToString(), CancellationToken.None);
        ImageManifest manifest = ImageManifest.Parse(stored.Content.Span, stored.MediaType);
        foreach (Descriptor blob in manifest.Layers.Append(manifest.Config)) Assert.True(await workshop.Destination.HasBlobAsync(blob.Digest, CancellationToken.None));
    }

    private static async Task StoreIndexAsync(Workshop workshop)
    {
        Descriptor amd = await PlatformAsync(workshop, "linux/amd64", "one"), arm = await PlatformAsync(workshop, "linux/arm64", "two");
        Descriptor statement = await TestImage.PutAsync(workshop.Source, Encoding.UTF8.GetBytes("{\"_type\":\"statement\"}"), "application/vnd.in-toto+json");
        Descriptor config = await TestImage.PutAsync(workshop.Source, """{"architecture":"unknown","os":"unknown","rootfs":{"type":"layers","diff_ids":[]}}"""u8.ToArray(), MediaTypes.OciConfig);
        byte[] attestation = new ImageManifest { Config = config, Layers = [statement] }.ToBytes();
        var stored = new StoredManifest(MediaTypes.OciManifest, Digest.Sha256(attestation), attestation);
        await workshop.Source.PutManifestAsync(stored, null, CancellationToken.None);
        Descriptor entry = stored.ToDescriptor() with
        {
            Platform = Platform.Parse("unknown/unknown"),
            Annotations = new Dictionary<string, string> { ["vnd.docker.reference.digest"] = amd.Digest.ToString(), ["vnd.docker.reference.type"] = "attestation-manifest" },
        };
        byte[] index = new ImageIndex { Manifests = [amd, arm, entry] }.ToBytes();
        await workshop.Source.PutManifestAsync(new StoredManifest(MediaTypes.OciIndex, Digest.Sha256(index), index), "a", CancellationToken.None);
    }

    private static async Task<Descriptor> PlatformAsync(Workshop workshop, string platform, string content)
    {
        var image = new TestImage { Platform = Platform.Parse(platform) }.Layer(l => l.File("common", "same")).Layer(l => l.File("own", content));
        return (await image.StoreAsync(workshop.Source, null)).ToDescriptor() with { Platform = Platform.Parse(platform) };
    }
}
