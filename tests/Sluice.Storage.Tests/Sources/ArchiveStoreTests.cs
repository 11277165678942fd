using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

public sealed class ArchiveStoreTests : ImageStoreContract, IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose()
    {
        Assert.All(Directory.EnumerateFileSystemEntries(_directory.Path), entry => Assert.EndsWith(".tar", entry, StringComparison.Ordinal));
        _directory.Dispose();
    }

    private protected override Task<IImageStore> OpenAsync() => Task.FromResult(Open("image.tar"));

    [Fact]
    public async Task The_same_content_gives_the_same_file()
    {
        foreach (string name in new[] { "a.tar", "b.tar" })
        {
            await using IImageStore store = Open(name);
            await new SampleImage(1).PutAsync(store, "v1");
        }

        Assert.Equal(await File.ReadAllBytesAsync(_directory.File("a.tar")), await File.ReadAllBytesAsync(_directory.File("b.tar")));
    }

    [Fact]
    public async Task A_missing_directory_is_an_error_and_stays_missing()
    {
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(async () =>
        {
            await using IImageStore store = Open("missing/directory/a.tar");
            await new SampleImage(1).PutAsync(store, "v1");
        });
        Assert.Equal(SluiceError.NotFound, error.Error);
        Assert.Contains(_directory.File("missing/directory"), error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory.File("missing")));
    }

    [Fact]
    public async Task Old_content_stays_while_it_is_reachable()
    {
        await using (IImageStore store = Open("a.tar")) await new SampleImage(1).PutAsync(store, "one");
        await using (IImageStore store = Open("a.tar")) await new SampleImage(2).PutAsync(store, "two");
        await using (IImageStore store = Open("a.tar"))
        {
            await new SampleImage(1).CheckAsync(store, "one");
            await new SampleImage(2).CheckAsync(store, "two");
            await new SampleImage(3).PutAsync(store, "one");
        }

        await using IImageStore last = Open("a.tar");
        Assert.False(await last.HasBlobAsync(new SampleImage(1).LayerDescriptor.Digest, default));
        await new SampleImage(3).CheckAsync(last, "one");
    }

    [Fact]
    public async Task Without_manifest_nothing_is_written()
    {
        await using (IImageStore store = Open("a.tar"))
        {
            await using IBlobUpload upload = await store.StartUploadAsync(default);
            await upload.WriteAsync(new byte[10], default);
        }

        Assert.False(File.Exists(_directory.File("a.tar")));
    }

    [Fact]
    public async Task A_manifest_without_a_name_makes_no_file()
    {
        // What a conversion leaves that fails after its first platform.
        await using (IImageStore store = Open("a.tar")) await new SampleImage(1).PutAsync(store, null);
        Assert.False(File.Exists(_directory.File("a.tar")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not a tar file, but longer than nothing")]
    [InlineData("\u001f\u008b\u0008 compressed")]
    public async Task Other_files_are_refused(string content)
    {
        await File.WriteAllBytesAsync(_directory.File("bad.tar"), System.Text.Encoding.Latin1.GetBytes(content));
        await using IImageStore store = Open("bad.tar");
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => store.GetManifestAsync("x", default));
        Assert.Equal(SluiceError.Image, error.Error);
        Assert.StartsWith("oci-archive:", error.Culprit, StringComparison.Ordinal);
    }

    private IImageStore Open(string name) => ImageStores.Open(ImageReference.Parse($"oci-archive:{_directory.File(name)}"), new SourceOptions());
}
