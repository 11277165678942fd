using System.Collections.Concurrent;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Layouts;
using Sluice.Storage.Traces;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Traces;

/// <summary>Traces beside their image.</summary>
public sealed class TraceArtifactTests
{
    [Fact]
    public async Task ATraceLiesBesideItsImageAndSeveralAreOne()
    {
        using TemporaryDirectory directory = new();
        await using LayoutStore store = new(Path.Combine(directory.Path, "layout"));
        StoredManifest image = await PutImageAsync(store);
        Assert.Null(await TraceArtifacts.FindAsync(store, image.Digest, CancellationToken.None));

        StartTrace one = Trace(image.Digest, (0, 1), (65536, 2)), two = Trace(image.Digest, (65536, 1), (131072, 3));
        Digest artifact = await TraceArtifacts.PushAsync(store, one, CancellationToken.None);
        Assert.Equal(artifact, await TraceArtifacts.PushAsync(store, one, CancellationToken.None));
        Assert.Equal(one.Reads, (await TraceArtifacts.FindAsync(store, image.Digest, CancellationToken.None))!.Reads);
        await TraceArtifacts.PushAsync(store, two, CancellationToken.None);
        StartTrace both = (await TraceArtifacts.FindAsync(store, image.Digest, CancellationToken.None))!;
        Assert.Equal([(0L, 1.0), (65536L, 1.0), (131072L, 3.0)], both.Reads.Select(read => (read.Offset, read.At.TotalMilliseconds)).Order());
        Assert.Equal(image.Digest, both.Manifest);
    }

    [Fact]
    public async Task WhatIsNoTraceOfTheImageIsLeftOut()
    {
        using TemporaryDirectory directory = new();
        await using LayoutStore store = new(Path.Combine(directory.Path, "layout"));
        StoredManifest image = await PutImageAsync(store);
        await PutArtifactAsync(store, image, "{"u8.ToArray());
        await PutArtifactAsync(store, image, TraceFile.Write(Trace(Digest.Sha256("another image"u8), (0, 1))));
        Assert.Null(await TraceArtifacts.FindAsync(store, image.Digest, CancellationToken.None));
        await TraceArtifacts.PushAsync(store, Trace(image.Digest, (4096, 1)), CancellationToken.None);
        ConcurrentBag<string> warnings = [];
        Assert.Equal(4096, Assert.Single((await TraceArtifacts.FindAsync(store, image.Digest, CancellationToken.None, warnings.Add))!.Reads).Offset);
        Assert.Equal(2, warnings.Count);
        Assert.All(warnings, warning => Assert.StartsWith($"{store.Name}, artifact sha256:", warning, StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnImageThatIsNotThereGetsNone()
    {
        using TemporaryDirectory directory = new();
        await using LayoutStore store = new(Path.Combine(directory.Path, "layout"));
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => TraceArtifacts.PushAsync(store, Trace(Digest.Sha256("nothing"u8), (0, 1)), CancellationToken.None));
        Assert.Equal(SluiceError.NotFound, error.Error);
    }

    private static StartTrace Trace(Digest image, params (long Offset, int Milliseconds)[] reads) =>
        new(image, [.. reads.Select(read => new TraceRead(Digest.Sha256("blob"u8), read.Offset, 4096, TimeSpan.FromMilliseconds(read.Milliseconds), false))]);

    private static async Task<StoredManifest> PutImageAsync(LayoutStore store)
    {
        Descriptor config = await PutBlobAsync(store, "{}"u8.ToArray(), MediaTypes.OciConfig);
        byte[] content = new ImageManifest { MediaType = MediaTypes.OciManifest, Config = config, Layers = [] }.ToBytes();
        StoredManifest image = new(MediaTypes.OciManifest, Digest.Sha256(content), content);
        await store.PutManifestAsync(image, "latest", CancellationToken.None);
        return image;
    }

    private static async Task PutArtifactAsync(LayoutStore store, StoredManifest image, byte[] trace)
    {
        Descriptor layer = await PutBlobAsync(store, trace, TraceArtifacts.MediaType);
        Descriptor config = await PutBlobAsync(store, "{}"u8.ToArray(), MediaTypes.OciEmpty);
        byte[] content = new ImageManifest { MediaType = MediaTypes.OciManifest, ArtifactType = TraceArtifacts.MediaType, Config = config, Layers = [layer], Subject = image.ToDescriptor() }.ToBytes();
        await store.PutManifestAsync(new StoredManifest(MediaTypes.OciManifest, Digest.Sha256(content), content), tag: null, CancellationToken.None);
    }

    private static async Task<Descriptor> PutBlobAsync(LayoutStore store, byte[] content, string mediaType)
    {
        Digest digest = Digest.Sha256(content);
        await using IBlobUpload upload = await store.StartUploadAsync(CancellationToken.None);
        await upload.WriteAsync(content, CancellationToken.None);
        await upload.CommitAsync(digest, CancellationToken.None);
        return new Descriptor { MediaType = mediaType, Digest = digest, Size = content.Length };
    }
}
