using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;
using Sluice.Node.Images;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.Node.Tests.Images;

public sealed class LocalImagesTests : IDisposable
{
    private const string Reference = "docker://registry.test/app:v1";

    private readonly TemporaryDirectory _directory = new();
    private readonly LocalImages _images;

    public LocalImagesTests() => _images = new LocalImages(_directory.File("images"));

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void WhatIsSavedIsLoaded()
    {
        RemoteRafsImage image = NewImage(1);
        LocalImage saved = _images.Save(Reference, DownloadedImage.Of(image));
        LocalImage loaded = Assert.IsType<LocalImage>(_images.Load(Manifest(image)));
        Assert.Equal((saved.Record.Reference, saved.Record.Manifest, saved.Record.Bootstrap), (loaded.Record.Reference, loaded.Record.Manifest, loaded.Record.Bootstrap));
        Assert.Equal((image.DiffId, image.DiffId), (saved.Record.DiffId, loaded.Record.DiffId));
        Assert.Equal(image.Source.Manifest.Layers.ToDictionary(layer => layer.Digest.ToString(), layer => layer.Size), loaded.Record.Blobs);
        Assert.Equal(image.Bootstrap.ToArray(), File.ReadAllBytes(_images.MetadataPath(Manifest(image))));
        Assert.Equal(["file-1"], ((RafsContent)loaded.Content).Image.Root.Entries!.Keys.Select(name => name.ToString()));
        Assert.Equal([Manifest(image)], _images.List());
    }

    [Fact]
    public void RecordsOfEarlierVersionsHaveNoDiffIdAndAreIntact()
    {
        RemoteRafsImage image = NewImage(1);
        _images.Save(Reference, DownloadedImage.Of(image) with { DiffId = null });
        Assert.DoesNotContain("diffId", File.ReadAllText(RecordPath(image)), StringComparison.OrdinalIgnoreCase);
        Assert.Null(Assert.IsType<LocalImage>(_images.Load(Manifest(image))).Record.DiffId);
    }

    [Fact]
    public void TheBlobsOfAllIntactImagesAreListed()
    {
        RemoteRafsImage one = NewImage(1), two = NewImage(2);
        Assert.Empty(_images.ListBlobs());
        _images.Save(Reference, DownloadedImage.Of(one));
        _images.Save(Reference, DownloadedImage.Of(two));
        Digest[] both = [.. one.Source.Manifest.Layers.Concat(two.Source.Manifest.Layers).Select(layer => layer.Digest)];
        Assert.True(_images.ListBlobs().SetEquals(both));
        File.WriteAllText(Path.Combine(Path.GetDirectoryName(_images.MetadataPath(Manifest(two)))!, "image.json"), "{");
        Assert.True(_images.ListBlobs().SetEquals(one.Source.Manifest.Layers.Select(layer => layer.Digest)));
    }

    [Fact]
    public void WhatWasNeverSavedIsMissing()
    {
        Assert.Null(_images.Load(Digest.Sha256("nothing"u8)));
        Assert.Empty(_images.List());
        _images.Remove(Digest.Sha256("nothing"u8));
    }

    [Fact]
    public void AnImageIsSavedAgainOverWhateverIsThere()
    {
        RemoteRafsImage image = NewImage(1);
        string place = Path.GetDirectoryName(_images.MetadataPath(Manifest(image)))!;
        Directory.CreateDirectory(Path.GetDirectoryName(place)!);
        File.WriteAllText(place, "a file where a directory belongs");
        File.WriteAllText(place + ".new", "and one more");
        _images.Save(Reference, DownloadedImage.Of(image));
        Assert.NotNull(_images.Load(Manifest(image)));
        Directory.CreateDirectory(place + ".new/image.boot"); // what a crash while saving leaves
        _images.Save(Reference, DownloadedImage.Of(image));
        Assert.NotNull(_images.Load(Manifest(image)));
        Assert.Equal([Manifest(image)], _images.List());
        Assert.False(Directory.Exists(place + ".new"));
    }

    [Fact]
    public void AnImageMayBeSavedSeveralTimesAtOnce()
    {
        for (int round = 0; round < 10; round++)
        {
            RemoteRafsImage image = NewImage(round);
            Parallel.For(0, 8, _ =>
            {
                Assert.Equal(Manifest(image), _images.Save(Reference, DownloadedImage.Of(image)).Record.Manifest);
                Assert.True(File.Exists(_images.MetadataPath(Manifest(image)))); // whoever saved it mounts it next
            });
            Assert.NotNull(_images.Load(Manifest(image)));
        }

        Assert.Equal(10, _images.List().Count);
    }

    [Fact]
    public void ANameMeansTheImageThatItMeantLast()
    {
        RemoteRafsImage one = NewImage(1), two = NewImage(2);
        Assert.Null(_images.Recall("v1"));
        _images.Remember("v1", Manifest(one)); // which is not here
        Assert.Null(_images.Recall("v1"));
        _images.Save(Reference, DownloadedImage.Of(one));
        _images.Save(Reference, DownloadedImage.Of(two));
        foreach (RemoteRafsImage image in new[] { one, two, one })
        {
            _images.Remember("v1", Manifest(image));
            Assert.Equal(Manifest(image), _images.Recall("v1")?.Record.Manifest);
        }

        _images.Remember("latest", Manifest(one));
        Assert.Equal(Manifest(one), _images.Recall("latest")?.Record.Manifest);
        string[] names = Directory.GetFiles(Path.GetDirectoryName(RecordPath(one))!, "name-*");
        Assert.Equal(2, names.Length);
        string first = File.ReadAllText(names[0]);
        File.WriteAllText(names[0], File.ReadAllText(names[1]));
        File.WriteAllText(names[1], first);
        Assert.Null(_images.Recall("v1")); // swapped by a sick disk
        _images.Remove(Manifest(one));
        Assert.Null(_images.Recall("latest"));
    }

    [Fact]
    public void HalfSavedImagesAreMissingAndNotListed()
    {
        RemoteRafsImage image = NewImage(1);
        _images.Save(Reference, DownloadedImage.Of(image));
        string place = Path.GetDirectoryName(_images.MetadataPath(Manifest(image)))!;
        Directory.Move(place, place + ".new");
        Assert.Null(_images.Load(Manifest(image)));
        Assert.Empty(_images.List());
    }

    [Fact]
    public void SwappedImagesAreMissing()
    {
        RemoteRafsImage one = NewImage(1), two = NewImage(2);
        _images.Save(Reference, DownloadedImage.Of(one));
        _images.Save(Reference, DownloadedImage.Of(two));
        File.Copy(_images.MetadataPath(Manifest(one)), _images.MetadataPath(Manifest(two)), overwrite: true);
        Assert.Null(_images.Load(Manifest(two)));
        File.Copy(RecordPath(two), RecordPath(one), overwrite: true);
        Assert.Null(_images.Load(Manifest(one)));
        Assert.Equal(2, _images.List().Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"version":1}""")]
    [InlineData("""{"version":2,"reference":"r","manifest":"MANIFEST","bootstrap":"BOOTSTRAP","blobs":{},"checksum":""}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","bootstrap":"BOOTSTRAP"}""")]
    [InlineData("""{"version":1,"reference":"r","manifest":"MANIFEST","bootstrap":"BOOTSTRAP","blobs":null,"checksum":""}""")]
    [InlineData("""{"version":1,"reference":"r","manifest":"MANIFEST","bootstrap":"BOOTSTRAP","blobs":{"a":"b"},"checksum":""}""")]
    public void ForeignRecordsAreMissing(string json)
    {
        RemoteRafsImage image = NewImage(1);
        LocalImage saved = _images.Save(Reference, DownloadedImage.Of(image));
        File.WriteAllText(RecordPath(image), json.Replace("MANIFEST", Manifest(image).ToString(), StringComparison.Ordinal).Replace("BOOTSTRAP", saved.Record.Bootstrap.ToString(), StringComparison.Ordinal));
        Assert.Null(_images.Load(Manifest(image)));
    }

    [Fact]
    public void AnyDamageIsNoticed()
    {
        RemoteRafsImage image = NewImage(3);
        _images.Save(Reference, DownloadedImage.Of(image));
        Random random = new(3);
        foreach (string path in new[] { RecordPath(image), _images.MetadataPath(Manifest(image)) })
        {
            byte[] good = File.ReadAllBytes(path);
            for (int round = 0; round < 200; round++)
            {
                byte[] bad = [.. good];
                if (round % 4 == 0) bad = bad[..random.Next(bad.Length)];
                else bad[random.Next(bad.Length)] ^= (byte)(1 << random.Next(8));
                File.WriteAllBytes(path, bad);
                LocalImage? loaded = _images.Load(Manifest(image));

                // White space between the values of the record may change, nothing else.
                if (loaded is not null) Assert.Equal((Reference, image.Source.Manifest.Layers[0].Size), (loaded.Record.Reference, loaded.Record.Blobs.Values.First()));
                if (loaded is not null) Assert.EndsWith(".json", path, StringComparison.Ordinal);
            }

            File.WriteAllBytes(path, good);
            Assert.NotNull(_images.Load(Manifest(image)));
            File.Delete(path);
            Assert.Null(_images.Load(Manifest(image)));
            Directory.CreateDirectory(path);
            Assert.Null(_images.Load(Manifest(image)));
            Directory.Delete(path);
            File.WriteAllBytes(path, good);
        }
    }

    [Fact]
    public void ADiskThatCanNotBeWrittenIsNamed()
    {
        File.WriteAllText(_directory.File("file"), "");
        SluiceException error = Assert.Throws<SluiceException>(() => new LocalImages(_directory.File("file")).Save(Reference, DownloadedImage.Of(NewImage(1))));
        Assert.Equal((SluiceError.Disk, _directory.File("file")), (error.Error, error.Culprit));
        Assert.NotNull(error.Hint);
    }

    private static Digest Manifest(RemoteRafsImage image) => image.Source.Stored.Digest;

    private static RemoteRafsImage NewImage(int seed)
    {
        Inode root = Inode.NewDirectory();
        root.Entries!.Add(new FileName($"file-{seed}"), new Inode { Type = FileType.Regular });
        byte[] bootstrap = RafsV6Writer.Write(new RafsImage { ChunkSize = 1 << 20, Root = root });
        Descriptor Describe(string content) => new() { MediaType = MediaTypes.OciLayerGzip, Digest = Digest.Sha256(System.Text.Encoding.UTF8.GetBytes(content)), Size = 1000 + seed };
        ImageManifest manifest = new() { Config = Describe("config"), Layers = [Describe($"layer {seed}"), Describe($"boot {seed}")] };
        byte[] bytes = manifest.ToBytes();
        return new RemoteRafsImage
        {
            Source = new StoredImage(null!, new StoredManifest(MediaTypes.OciManifest, Digest.Sha256(bytes), bytes), manifest),
            DiffId = Digest.Sha256([(byte)seed]),
            Bootstrap = bootstrap,
            Image = RafsReader.Read(bootstrap),
            BlobMetas = new Dictionary<string, ReadOnlyMemory<byte>>(),
        };
    }

    private string RecordPath(RemoteRafsImage image) => Path.Combine(Path.GetDirectoryName(_images.MetadataPath(Manifest(image)))!, "image.json");
}
