using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Tests.Sources;

/// <summary>What every <see cref="IImageStore"/> promises; run against each kind.</summary>
public abstract class ImageStoreContract
{
    /// <summary>Opens the store under test anew; what was disposed before must be there.</summary>
    private protected abstract Task<IImageStore> OpenAsync();

    [Fact]
    public async Task Keeps_what_is_put()
    {
        SampleImage image = new();
        await using (IImageStore store = await OpenAsync())
        {
            await image.PutAsync(store, "v1");
            await image.CheckAsync(store, "v1");
        }

        await using IImageStore again = await OpenAsync();
        await image.CheckAsync(again, "v1");
        Assert.Equal(["v1"], await ((ITaggedStore)again).ListTagsAsync(default));
    }

    [Fact]
    public async Task A_tag_moves()
    {
        SampleImage old = new(1), current = new(2);
        await using (IImageStore store = await OpenAsync())
        {
            await old.PutAsync(store, "v1");
            await current.PutAsync(store, "v1");
        }

        await using IImageStore again = await OpenAsync();
        await current.CheckAsync(again, "v1");
    }

    [Fact]
    public async Task What_does_not_exist_is_not_found()
    {
        SampleImage image = new(), other = new(7);
        await using IImageStore store = await OpenAsync();
        await image.PutAsync(store, "v1");
        Assert.Equal(SluiceError.NotFound, (await Assert.ThrowsAnyAsync<SluiceException>(() => store.GetManifestAsync("v2", default))).Error);
        Assert.Equal(SluiceError.NotFound, (await Assert.ThrowsAnyAsync<SluiceException>(() => store.GetManifestAsync(other.Manifest.Digest.ToString(), default))).Error);
        Assert.Equal(SluiceError.NotFound, (await Assert.ThrowsAnyAsync<SluiceException>(() => store.OpenBlobAsync(other.LayerDescriptor, default))).Error);
        Assert.Equal(SluiceError.NotFound, (await Assert.ThrowsAnyAsync<SluiceException>(() => store.ReadAsync(other.LayerDescriptor.Digest, 0, new byte[1], default))).Error);
        Assert.False(await store.HasBlobAsync(other.LayerDescriptor.Digest, default));
    }

    [Fact]
    public async Task A_range_past_the_end_fails()
    {
        SampleImage image = new();
        await using IImageStore store = await OpenAsync();
        await image.PutAsync(store, "v1");
        Task Read(long offset) => store.ReadAsync(image.LayerDescriptor.Digest, offset, new byte[100], default);
        await Assert.ThrowsAnyAsync<SluiceException>(() => Read(image.Layer.Length - 99));
        await Assert.ThrowsAnyAsync<SluiceException>(() => Read(image.Layer.Length + 5));
        await Read(image.Layer.Length - 100);
    }

    [Fact]
    public async Task Wrong_digests_are_refused()
    {
        await using IImageStore store = await OpenAsync();
        SampleImage image = new();
        await image.PutAsync(store, "v1");
        await using IBlobUpload upload = await store.StartUploadAsync(default);
        await upload.WriteAsync(new byte[10], default);
        await Assert.ThrowsAnyAsync<SluiceException>(() => upload.CommitAsync(Digest.Sha256("other"u8), default));
        Assert.False(await store.HasBlobAsync(Digest.Sha256("other"u8), default));
        await Assert.ThrowsAnyAsync<SluiceException>(() => SampleImage.ReadAllAsync(store, image.LayerDescriptor with { Size = image.Layer.Length - 1 }));
    }

    [Fact]
    public async Task Concurrent_reads_and_writes()
    {
        await using IImageStore store = await OpenAsync();
        SampleImage[] images = [.. Enumerable.Range(0, 8).Select(seed => new SampleImage(seed))];
        await Task.WhenAll(images.Select((image, i) => image.PutAsync(store, $"t{i}")));
        await Task.WhenAll(images.Select((image, i) => image.CheckAsync(store, $"t{i}")));
        Assert.Equal(8, (await ((ITaggedStore)store).ListTagsAsync(default)).Count);
    }

    [Fact]
    public async Task Copies_from_a_layout()
    {
        using Testing.TemporaryDirectory directory = new();
        SampleImage image = new(5);
        await using IImageStore source = ImageStores.Open(ImageReference.Parse($"oci:{directory.Path}"), new SourceOptions());
        await image.PutAsync(source, "x");
        await using IImageStore store = await OpenAsync();
        await store.CopyBlobAsync(source, image.LayerDescriptor, default);
        await store.CopyBlobAsync(source, SampleImage.Describe(MediaTypes.OciConfig, image.Config), default);
        await store.PutManifestAsync(image.Manifest, "copy", default);
        await image.CheckAsync(store, "copy");
    }

    [Fact]
    public async Task Lists_referrers()
    {
        SampleImage image = new(1), signature = new(2, subject: image.Manifest.Digest);
        await using IImageStore store = await OpenAsync();
        await image.PutAsync(store, "v1");
        Assert.Empty(await store.GetReferrersAsync(image.Manifest.Digest, null, default));
        await signature.PutAsync(store, null);
        await signature.PutAsync(store, null);
        Descriptor referrer = Assert.Single(await store.GetReferrersAsync(image.Manifest.Digest, null, default));
        Assert.Equal(signature.Manifest.Digest, referrer.Digest);
        Assert.Equal("application/vnd.test.signature", referrer.ArtifactType);
        Assert.Single(await store.GetReferrersAsync(image.Manifest.Digest, "application/vnd.test.signature", default));
        Assert.Empty(await store.GetReferrersAsync(image.Manifest.Digest, "application/other", default));
    }
}
