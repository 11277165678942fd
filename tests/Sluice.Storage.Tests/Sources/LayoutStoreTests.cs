using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

public sealed class LayoutStoreTests : ImageStoreContract, IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private protected override Task<IImageStore> OpenAsync() =>
        Task.FromResult(ImageStores.Open(ImageReference.Parse($"oci:{_directory.File("layout")}"), new SourceOptions()));

    [Fact]
    public async Task An_abandoned_upload_leaves_nothing()
    {
        await using IImageStore store = await OpenAsync();
        await using (IBlobUpload upload = await store.StartUploadAsync(default)) await upload.WriteAsync(new byte[100_000], default);
        Assert.Empty(Directory.EnumerateFiles(_directory.File("layout/blobs"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_damaged_blob_that_is_written_again_reads_well_at_once()
    {
        await using IImageStore store = await OpenAsync();
        byte[] content = [.. Enumerable.Range(0, 5000).Select(i => (byte)i)], read = new byte[content.Length];
        Digest blob = Digest.Sha256(content);
        string path = _directory.File($"layout/blobs/sha256/{blob.Hex}");
        await PutAsync();
        File.WriteAllBytes(path, new byte[content.Length]);
        await store.ReadAsync(blob, 0, read, default); // ranges are checked by whoever asks for them
        Assert.NotEqual(content, read);
        await PutAsync();
        await store.ReadAsync(blob, 0, read, default);
        Assert.Equal(content, read);

        async Task PutAsync()
        {
            await using IBlobUpload upload = await store.StartUploadAsync(default);
            await upload.WriteAsync(content, default);
            await upload.CommitAsync(blob, default);
        }
    }

    [Fact]
    public async Task An_empty_tag_means_the_only_image()
    {
        await using IImageStore store = await OpenAsync();
        await new SampleImage(1).PutAsync(store, "");
        await new SampleImage(2).PutAsync(store, "");
        await new SampleImage(2).CheckAsync(store, "");
        Assert.Empty(await ((ITaggedStore)store).ListTagsAsync(default));
        await new SampleImage(3).PutAsync(store, "v3");
        await new SampleImage(2).CheckAsync(store, "");
        await new SampleImage(4).PutAsync(store, "v4");
        await new SampleImage(2).CheckAsync(store, "");
    }

    [Fact]
    public async Task Several_images_need_a_tag()
    {
        await using IImageStore store = await OpenAsync();
        await new SampleImage(1).PutAsync(store, "a");
        await new SampleImage(1).CheckAsync(store, "");
        await new SampleImage(2).PutAsync(store, "b");
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => store.GetManifestAsync("", default));
        Assert.Equal("it has a, b", error.Hint);
    }

    [Fact]
    public async Task Tags_inside_nested_indexes_are_found()
    {
        await using IImageStore store = await OpenAsync();
        SampleImage image = new();
        await image.PutAsync(store, null);
        byte[] inner = new ImageIndex { Manifests = [image.Manifest.ToDescriptor() with { Annotations = new Dictionary<string, string> { [Annotations.RefName] = "deep" } }] }.ToBytes();
        await store.PutManifestAsync(new StoredManifest(MediaTypes.OciIndex, Digest.Sha256(inner), inner), "outer", default);
        await image.CheckAsync(store, "deep");
        Assert.Equal(MediaTypes.OciIndex, (await store.GetManifestAsync("outer", default)).MediaType);
    }

    [Fact]
    public async Task Corrupt_blobs_are_detected()
    {
        await using IImageStore store = await OpenAsync();
        SampleImage image = new();
        await image.PutAsync(store, "v1");
        string path = Path.Combine(_directory.File("layout"), "blobs", "sha256", image.LayerDescriptor.Digest.Hex);
        byte[] content = await File.ReadAllBytesAsync(path);
        content[^1] ^= 1;
        await File.WriteAllBytesAsync(path, content);
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => SampleImage.ReadAllAsync(store, image.LayerDescriptor));
        Assert.StartsWith("oci:", error.Culprit, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_directory_that_is_no_layout_is_named()
    {
        Directory.CreateDirectory(_directory.File("layout"));
        await using IImageStore store = await OpenAsync();
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => store.GetManifestAsync("x", default));
        Assert.Contains("not an OCI layout", error.Message, StringComparison.Ordinal);
        await File.WriteAllTextAsync(_directory.File("layout/oci-layout"), "{\"imageLayoutVersion\":\"9.0.0\"}");
        await File.WriteAllTextAsync(_directory.File("layout/index.json"), "{}");
        Assert.Equal(SluiceError.Image, (await Assert.ThrowsAsync<SluiceException>(() => store.GetManifestAsync("x", default))).Error);
        await File.WriteAllTextAsync(_directory.File("layout/oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
        Assert.Equal(SluiceError.Image, (await Assert.ThrowsAsync<SluiceException>(() => store.GetManifestAsync("x", default))).Error);
    }
}
