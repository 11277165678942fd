using System.Globalization;
using Sluice.Containerd.Client;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Formats.Ext4;
using Sluice.Formats.Oci;
using Sluice.Node.Admin;
using Sluice.Node.Images;
using Sluice.Storage.Activity;
using Sluice.Storage.Images;

namespace Sluice.Node.Explain;

/// <summary><c>sluice explain</c>: finds out which image is meant, whether it was lazy at all, and what its start cost.</summary>
internal sealed class ImageExplainer(LazyImages images, Snapshotter snapshotter)
{
    private const int MaxFiles = 10;

    /// <summary>Metadata of a file system, and of the kernel's reads, that belongs to no file's content.</summary>
    private const string NoFile = "(metadata)";

    private const string Local = "lazy, and mounted from local files, as all of it is here: the kernel reads them without the daemon, and nobody counts what";

    private static readonly TimeSpan ContainerdLimit = TimeSpan.FromSeconds(5);

    /// <exception cref="SluiceException">Nobody knows a container or image of this name.</exception>
    public async Task<Explanation> ExplainAsync(ExplainRequest request, CancellationToken cancellation)
    {
        using var client = new ContainerdClient(request.Containerd, request.Namespace, ContainerdLimit);
        string? silent = null;
        try
        {
            if (await client.Containers.FindAsync(request.Name, cancellation) is { } container) return await OfContainerAsync(container, request, cancellation);
            if (FindImage(request.Name) is { } image) return await OfImageAsync(image, null, request.Files, cancellation);
            if (await client.Images.FindAsync(ContainerdName(request.Name), cancellation) is not null) return Ordinary(request.Name);
        }
        catch (SluiceException error) when (error is Containerd.Grpc.GrpcException)
        {
            silent = error.Message; // what this node knows by itself can be said all the same
        }

        if (FindImage(request.Name) is { } known) return await OfImageAsync(known, null, request.Files, cancellation);
        throw new SluiceException(
            SluiceError.NotFound, request.Name, silent is null ? $"neither a container nor an image of this name is in the namespace {request.Namespace}" : $"is no image of this node, and containerd can't be asked for a container: {silent}",
            silent is null ? $"see: ctr -n {request.Namespace} containers ls; ctr -n {request.Namespace} images ls; Kubernetes has the namespace k8s.io" : "name containerd's socket with --containerd-address");
    }

    private async Task<Explanation> OfContainerAsync(ContainerRecord container, ExplainRequest request, CancellationToken cancellation)
    {
        SnapshotContents? contents = snapshotter.FindContainer(request.Namespace, container.SnapshotKey);
        if (contents is null)
        {
            string name = container.Snapshotter.Length == 0 ? "containerd's default" : container.Snapshotter;
            return NotLazy(container.Image, container.Id, $"its file system is of the snapshotter '{name}': the whole image was downloaded and unpacked before it started",
                new SlowReason("other-snapshotter", null, "the container was made without this snapshotter", "sluice pull IMAGE, then start it with --snapshotter sluice; for Kubernetes: sluice doctor (cri-snapshotter)"));
        }

        return contents.Image is { } image ? await OfImageAsync(image, container.Id, request.Files, cancellation) : NotLazy(container.Image, container.Id, "its image is an ordinary one: it was downloaded and unpacked before the start", OrdinaryReason);
    }

    private static Explanation Ordinary(string image) =>
        NotLazy(image, null, "containerd has it, but this node has no lazy image of it: what starts from it is downloaded and unpacked before", OrdinaryReason);

    private static SlowReason OrdinaryReason => new(
        "ordinary-image", null, "nothing in the image tells which parts a read needs; or CRI did not say which image its layers belong to",
        "sluice inspect IMAGE; if it is an ordinary one: sluice convert IMAGE IMAGE-rafs; if not: sluice doctor (cri-annotations)");

    private static Explanation NotLazy(string image, string? container, string verdict, SlowReason reason) => new(image, null, container, Lazy: false, $"not lazy: {verdict}", null, [reason]);

    private async Task<Explanation> OfImageAsync(LazyImage image, string? container, bool readTree, CancellationToken cancellation)
    {
        Digest manifest = image.Key.Manifest;
        bool isLocal = images.IsLocal(manifest);
        if (images.Activities.Find(manifest) is not { } activity || activity.At(ImageStep.Mounted) is null)
            return new Explanation(image.Reference, manifest.ToString(), container, Lazy: true, isLocal ? Local : NotMounted(images.Activities.Find(manifest)), null, []);
        StartRecord record = activity.ReadStart();
        var analysis = new StartAnalysis(record, activity.At, activity.FirstRead);
        LocalImage? here = images.LoadLocal(manifest);
        long? size = here?.Record.Blobs.Values.Sum();
        (IReadOnlyList<SlowFile> files, string? note) = await FilesOfAsync(analysis, image, here, readTree, cancellation);
        ActivityTotals totals = record.Totals;
        var figures = new StartFigures(
            analysis.At, Math.Round(analysis.Seconds, 4), analysis.Stages, Math.Round(analysis.Waited.TotalSeconds, 4), size, totals.BytesFetched, analysis.Misses.Sum(miss => (long)miss.Length),
            totals.Hits, totals.Misses, totals.Errors, totals.Fetches, record.Failures,
            analysis.Link.RoundTrip is { } trip ? Math.Round(trip.TotalSeconds, 5) : null, analysis.Rate is { } rate ? Math.Round(rate) : null, Math.Round(record.Decoding.TotalSeconds, 4),
            FetchCauses.All.Where(cause => totals.Bytes[(int)cause] > 0).ToDictionary(cause => cause.Name(), cause => totals.Bytes[(int)cause], StringComparer.Ordinal), totals.Sources, activity.Ahead?.Fetched, activity.Ahead?.Unread, files, note);
        return new Explanation(image.Reference, manifest.ToString(), container, Lazy: true, Verdict(figures, isLocal), figures, analysis.Reasons());
    }

    private static string NotMounted(ImageActivity? pulled)
    {
        const string verdict = "lazy, but not mounted since the daemon started: nothing was started from it";
        return pulled?.Totals().Bytes[(int)FetchCause.Prefetch] is > 0 and var ahead ? $"{verdict}; {Megabytes(ahead)} that its start will need have come with the pull" : verdict;
    }

    private static string Verdict(StartFigures start, bool isLocal)
    {
        if (isLocal && start.Hits + start.Misses == 0) return Local;
        string now = isLocal ? "; by now all of it is here, and what starts from it reads local files" : "";
        if (start.Hits + start.Misses == 0) return "lazy, and not read yet since it was mounted (or all of it is here, and the kernel reads it by itself)";
        if (start.FetchedBytes == 0) return "lazy, and nothing had to be fetched: what was read was here" + now;
        string share = start.ImageBytes is > 0 and var size ? string.Create(CultureInfo.InvariantCulture, $" of {Megabytes(size)} ({100.0 * start.FetchedBytes / size:0.#} %)") : "";
        return $"lazy: {Megabytes(start.FetchedBytes)}{share} were fetched{now}";
    }

    private static string Megabytes(long bytes) => (bytes / 1e6).ToString(bytes < 10_000_000 ? "0.0##" : "0.0", CultureInfo.InvariantCulture) + " MB";

    private async Task<(IReadOnlyList<SlowFile> Files, string? Note)> FilesOfAsync(StartAnalysis analysis, LazyImage image, LocalImage? here, bool readTree, CancellationToken cancellation)
    {
        if (analysis.Misses.Count == 0) return ([], null);
        FileMap? map = here?.Content switch
        {
            RafsContent rafs => FileMap.Of(rafs.Image, image.Key.Manifest.Hex[..16]),
            BlockContent when readTree => await ReadTreeAsync(image, static (tree, _) => FileMap.Of(tree), cancellation),
            _ => null,
        };
        if (map is null) return ([], here is null ? "the image's metadata is gone" : "of block images only with --files, which reads the file system's metadata from the registry");
        return ([.. analysis.Misses.GroupBy(miss => map.Find(miss.Disk, miss.Offset, miss.Length) ?? NoFile, StringComparer.Ordinal)
            .Select(file => new SlowFile(file.Key, Math.Round(file.Sum(miss => miss.Waited.TotalSeconds), 4), file.Count(), file.Sum(miss => (long)miss.Length)))
            .OrderByDescending(file => file.Seconds).Take(MaxFiles)], null);
    }

    /// <summary>Which files the chunks of an image's blobs belong to; null: it is not here, or its file system is another one. Of a block image the file system's metadata is read from the registry.</summary>
    /// <exception cref="SluiceException">It can't be had.</exception>
    public async Task<FileMap?> MapBlobsAsync(LazyImage image, CancellationToken cancellation) => images.LoadLocal(image.Key.Manifest)?.Content switch
    {
        RafsContent rafs => FileMap.Of(rafs.Image, key: ""),
        BlockContent => await ReadTreeAsync(image, static (tree, device) => FileMap.OfLayers(tree, device.Index, [.. device.Layers.Select(layer => layer.Descriptor.Digest)]), cancellation),
        _ => null,
    };

    /// <summary>As <c>sluice ls</c> does it, beside the cache: the figures that are asked for stay as they are.</summary>
    private async Task<FileMap> ReadTreeAsync(LazyImage image, Func<Ext4Image, RemoteBlockImage, FileMap> map, CancellationToken cancellation) =>
        await BlockTree.ReadAsync(await images.FindAsync(image, cancellation), map, cancellation);

    /// <summary>By the name that containerd has it under, by one that leaves out what is understood, or by the beginning of its digest.</summary>
    /// <returns>Null: nobody knows it.</returns>
    public LazyImage? FindImage(string name)
    {
        IReadOnlyList<LazyImage> known = snapshotter.LazyImages();
        string wanted = ContainerdName(name);
        return known.FirstOrDefault(image => image.Reference == name || image.Reference == wanted)
            ?? known.FirstOrDefault(image => name.Length >= 6 && (image.Key.Manifest.Hex.StartsWith(name, StringComparison.Ordinal) || image.Key.Manifest.ToString().StartsWith(name, StringComparison.Ordinal)));
    }

    private static string ContainerdName(string name)
    {
        try
        {
            string full = ImageReference.Parse(name).ToString();
            return full.StartsWith("docker://", StringComparison.Ordinal) ? full["docker://".Length..] : full;
        }
        catch (SluiceException)
        {
            return name; // a container's id, as a rule
        }
    }
}
