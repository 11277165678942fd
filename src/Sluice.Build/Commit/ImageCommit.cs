using System.Security.Cryptography;
using System.Text;
using Sluice.Build.Convert;
using Sluice.Build.OverlayBd;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Build.Commit;

/// <summary>
/// Makes a new image of a block image and what a container has changed on its device. The image's own layers are taken over as
/// they are: mounted or linked where the stores can, else streamed. Unprivileged and deterministic.
/// </summary>
/// <param name="image">What the container was made from.</param>
/// <param name="configuration">Of that image.</param>
public sealed class ImageCommit(StoredImage image, ImageConfig configuration, IImageStore destination, CommitOptions options)
{
    /// <param name="changes">Lowest first; may be empty, then only the history grows.</param>
    /// <param name="tag">In the destination; null stores by digest only.</param>
    /// <exception cref="SluiceException">
    /// Not a block image, wrong options, or a store or the local disk failed. The destination's tag is untouched then, and the same commit can be tried again.
    /// </exception>
    public async Task<CommitResult> RunAsync(IReadOnlyList<CommitLayer> changes, string? tag, CancellationToken cancellation)
    {
        BlockImageOptions.CheckBlockSize(options.BlockSize);
        Below below = await ReadBelowAsync(changes.Count, cancellation);
        foreach (Descriptor layer in below.Layers)
        {
            if (!await destination.HasBlobAsync(layer.Digest, cancellation)) await destination.CopyBlobAsync(image.Store, layer, cancellation);
        }

        var made = new List<CommittedLayer>();
        using Pipeline<ZFileBatch> pipeline = ZFileCompressor.NewPipeline(new ZFileBlockCodec(options.Algorithm, options.BlockSize, HasChecksums: true), options.Jobs);
        foreach (CommitLayer change in changes)
        {
            string key = System.Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"{options.Fingerprint} {below.Chain}")));
            CommittedLayer layer = await TryTakeAsync(change, key, cancellation) is { } taken
                ? new CommittedLayer(taken, Reused: true)
                : new CommittedLayer(await MakeAsync(change, below, key, pipeline, cancellation), Reused: false);
            made.Add(layer);
            below = await below.WithAsync(layer.Blob, destination, changes.Count > made.Count, cancellation);
        }

        ImageConfig config = configuration.WithLayers(below.DiffIds, History(configuration, below.Layers.Count - made.Count, made.Count));
        if (options.Created is { } created) config = config.WithCreated(Text(created));
        Descriptor manifest = await ConvertedManifest.PushAsync(image, config, below.Layers, destination, cancellation);
        if (tag is not null) await destination.PutManifestAsync(await destination.GetManifestAsync(manifest.Digest.ToString(), cancellation), tag, cancellation);
        return new CommitResult(manifest, made);
    }

    private async Task<Below> ReadBelowAsync(int more, CancellationToken cancellation)
    {
        IReadOnlyList<Descriptor> layers = RemoteBlockImage.FindLayers(image.Manifest) is { Count: > 0 } found
            ? found
            : throw new SluiceException(SluiceError.Image, image.Store.Name, $"{image.Stored.Digest} is not an OverlayBD image: nothing can be committed on top of it");
        if (layers.Count + more > MergedIndex.MaxLayers)
        {
            throw new SluiceException(
                SluiceError.Image, image.Store.Name, $"{image.Stored.Digest} has {layers.Count} layers; with {more} more there would be more than {MergedIndex.MaxLayers}",
                "make an image of one layer first: sluice convert --format overlaybd --flatten");
        }

        configuration.CheckLayers(image.Manifest);

        // A layer with a trace belongs to the old stack: it is left out.
        IReadOnlyList<Digest> diffIds = [.. image.Manifest.Layers.Zip(configuration.DiffIds).Where(pair => layers.Contains(pair.First)).Select(pair => pair.Second)];
        string fileSystem = layers.Select(layer => layer.Annotations!.GetValueOrDefault(OverlayBdAnnotations.FileSystem)).LastOrDefault(type => type is not null) ?? "ext4";
        LsmtHeader top = await TopAsync(layers, cancellation);
        Digest chain = diffIds.Aggregate(default(Digest), ChainId.Above);
        return new Below(layers, diffIds, chain, top.Uuid, top.VirtualSize, fileSystem);
    }

    /// <summary>The trailer of the topmost layer, with the size of the device, which the highest layer that says one decides.</summary>
    private async Task<LsmtHeader> TopAsync(IReadOnlyList<Descriptor> layers, CancellationToken cancellation)
    {
        LsmtHeader? top = null;
        foreach (Descriptor layer in layers.Reverse())
        {
            using RemoteBlockLayer open = await RemoteBlockLayer.OpenAsync(image.Store, layer, cancellation);
            top ??= open.Layer.Trailer;
            if (open.Layer.Trailer.VirtualSize > 0) return top with { VirtualSize = open.Layer.Trailer.VirtualSize };
        }

        throw new SluiceException(SluiceError.Image, image.Store.Name, $"{image.Stored.Digest}: no layer says how large the device is");
    }

    private async Task<Descriptor?> TryTakeAsync(CommitLayer change, string key, CancellationToken cancellation) =>
        change.Known is { Annotations: { } notes } known && notes.GetValueOrDefault(LayerReuse.KeyAnnotation) == key && await destination.HasBlobAsync(known.Digest, cancellation) ? known : null;

    private async Task<Descriptor> MakeAsync(CommitLayer change, Below below, string key, Pipeline<ZFileBatch> pipeline, CancellationToken cancellation)
    {
        (ScratchFile file, _) = await CompressedLayer.WriteAsync(
            pipeline, options.ZFile,
            (output, _) => change.Write(output, CommitIdentity.Of(change, below.Chain, below.Uuid, below.VirtualSize)), cancellation);
        await using (file) return await BlockLayerUpload.RunAsync(file, key, destination, cancellation, below.FileSystem);
    }

    /// <summary>One entry for each new layer, or one without a layer; the entries of layers that the image's history passes over are made up.</summary>
    private List<HistoryEntry> History(ImageConfig config, int old, int made)
    {
        var step = new HistoryEntry
        {
            Created = options.Created is { } created ? Text(created) : null,
            CreatedBy = options.CreatedBy,
            Author = options.Author,
            Comment = options.Message,
            EmptyLayer = made == 0,
        };
        var history = new List<HistoryEntry>(config.History);
        for (int known = history.Count(entry => !entry.EmptyLayer); known < old; known++) history.Add(new HistoryEntry());
        for (int i = 0; i < Math.Max(made, 1); i++) history.Add(step);
        return history;
    }

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The layers that the next one comes upon.</summary>
    /// <param name="Uuid">Of the topmost.</param>
    private sealed record Below(
        IReadOnlyList<Descriptor> Layers, IReadOnlyList<Digest> DiffIds, Digest Chain, string Uuid, long VirtualSize, string FileSystem)
    {
        /// <param name="isFollowed">The UUID will be needed.</param>
        public async Task<Below> WithAsync(Descriptor layer, IImageStore store, bool isFollowed, CancellationToken cancellation)
        {
            string uuid = LsmtHeader.NoUuid;
            if (isFollowed)
            {
                using RemoteBlockLayer made = await RemoteBlockLayer.OpenAsync(store, layer, cancellation);
                uuid = made.Layer.Trailer.Uuid;
            }

            return this with { Layers = [.. Layers, layer], DiffIds = [.. DiffIds, layer.Digest], Chain = ChainId.Above(Chain, layer.Digest), Uuid = uuid };
        }
    }
}
