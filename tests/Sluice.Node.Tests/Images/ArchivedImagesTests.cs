using System.Formats.Tar;
using System.Text;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Images;
using Sluice.Testing;

namespace Sluice.Node.Tests.Images;

public sealed class ArchivedImagesTests : IDisposable
{
    private readonly TemporaryDirectory _root = new();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData("blobs/sha256/../../../escaped")]
    [InlineData("blobs/sha256/escaped")]
    [InlineData("/oci-layout")]
    [InlineData("../index.json")]
    [InlineData("images/../image.boot")]
    [InlineData("images/escaped/image.boot")]
    public void Only_names_of_documents_become_paths(string name)
    {
        using ArchivedImages archived = new(_root.File("import"));
        Assert.False(archived.Takes(Entry(name, [1])));
        Assert.Empty(Directory.GetFileSystemEntries(_root.Path));
    }

    [Fact]
    public void A_link_is_no_document()
    {
        using ArchivedImages archived = new(_root.File("import"));
        Assert.False(archived.Takes(new UstarTarEntry(TarEntryType.SymbolicLink, ArchivedImages.Index) { LinkName = "/etc/passwd" }));
    }

    [Fact]
    public async Task A_document_is_what_its_digest_says_and_nothing_is_left()
    {
        Digest manifest = Digest.Sha256("{}"u8);
        string index = $$"""{"schemaVersion":2,"manifests":[{"mediaType":"{{MediaTypes.OciManifest}}","digest":"{{manifest}}","size":2,"annotations":{"{{Annotations.ContainerdImageName}}":"r.example/app:v1"} } ] }""";
        using (ArchivedImages archived = new(_root.File("import")))
        {
            Assert.True(archived.Takes(Entry(ArchivedImages.Marker, "{\"imageLayoutVersion\":\"1.0.0\"}"u8.ToArray())));
            Assert.True(archived.Takes(Entry(ArchivedImages.Index, Encoding.ASCII.GetBytes(index))));
            Assert.True(archived.Takes(Entry($"blobs/sha256/{manifest.Hex}", "[]"u8.ToArray())));
            await Assert.ThrowsAnyAsync<SluiceException>(() => archived.ReadAsync(TestContext.Current.CancellationToken));
        }

        Assert.Empty(Directory.GetFileSystemEntries(_root.Path));
    }

    [Fact]
    public async Task An_archive_of_earlier_versions_has_no_images()
    {
        using ArchivedImages archived = new(_root.File("import"));
        Assert.Empty(await archived.ReadAsync(TestContext.Current.CancellationToken));
    }

    private static UstarTarEntry Entry(string name, byte[] content) => new(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) };
}
