using Sluice.Build.Commit;
using Sluice.Containerd.Client;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Configuration;
using Sluice.Node.Images;
using Sluice.Storage.Disks.Uppers;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Node.Admin;

/// <summary>
/// <c>sluice commit</c>: makes an image of a container, which may go on. What it wrote to a disk of its own is sealed while its file system
/// stands still for a moment; an overlayfs upper directory is read while the container is paused. Nothing is lost when a later step
/// fails: the same commit can be tried again.
/// </summary>
internal sealed class ContainerCommit(NodeOptions options, Snapshotter snapshotter, LazyImages images, Halts halts, TimeProvider time)
{
    /// <exception cref="SluiceException">No such container, or not one on a lazily served block image; the destination or the local disk failed.</exception>
    public async Task<CommittedImage> CommitAsync(CommitRequest request, CancellationToken cancellation)
    {
        ImageReference destination = Destination(request.Image);
        using var client = new ContainerdClient(request.Containerd, request.Namespace);
        ContainerRecord container = await client.Containers.FindAsync(request.Container, cancellation)
            ?? throw new SluiceException(SluiceError.NotFound, request.Container, $"there is no such container in the namespace {request.Namespace}", $"see: ctr -n {request.Namespace} containers ls");
        SnapshotContents contents = Contents(request, container);
        CommitOptions how = request.ToOptions(time.GetUtcNow());
        StoredImage known = await images.FindAsync(contents.Image!, cancellation);
        await using (known.Store)
        {
            await using IImageStore store = ImageStores.Open(destination, options.Sources);
            (StoredImage image, ImageConfig configuration) = contents.Image!.Made is null
                ? (known, await known.ReadConfigAsync(cancellation))
                : await FindAsync(client, container, known, cancellation);

            // A destination that does not answer is found out before the container is touched: each seal of a disk makes another layer.
            if (image.Manifest.Layers is [{ } lowest, ..]) _ = await store.HasBlobAsync(lowest.Digest, cancellation);
            var commit = new ImageCommit(image, configuration, store, how);
            return contents.Mode == WriteMode.Overlay
                ? await CommitDirectoriesAsync(commit, image, contents, client, request, how, destination, cancellation)
                : await CommitDiskAsync(commit, contents, request.Namespace, container, destination, cancellation);
        }
    }

    private SnapshotContents Contents(CommitRequest request, ContainerRecord container)
    {
        string name = $"container {container.Id}";
        SnapshotContents contents = snapshotter.FindContainer(request.Namespace, container.SnapshotKey)
            ?? throw new SluiceException(SluiceError.NotFound, name, $"its file system is not this daemon's, but of the snapshotter '{container.Snapshotter}'", "only containers on lazily served images can be committed");
        if (contents.Image is null) throw new SluiceException(SluiceError.Image, name, "its image is an ordinary one, not served lazily", "use the commit of your container tool: nerdctl commit");
        return contents;
    }

    /// <summary>A prefix has no configuration: containerd has that of the image of which the container was made, and its manifest.</summary>
    private static async Task<(StoredImage Image, ImageConfig Configuration)> FindAsync(ContainerdClient client, ContainerRecord container, StoredImage prefix, CancellationToken cancellation)
    {
        FoundImage found = await new ImageLookup(client).FindAsync(container.Image, [.. prefix.Manifest.Layers.Select(layer => layer.Digest)], cancellation)
            ?? throw new SluiceException(SluiceError.NotFound, $"container {container.Id}", $"containerd does not have the configuration of its image {container.Image} any more", "pull the image again");
        return (new StoredImage(prefix.Store, new StoredManifest(found.Stored.MediaType, found.Stored.Digest, found.Stored.Content), found.Manifest), found.Config);
    }

    private async Task<CommittedImage> CommitDirectoriesAsync(
        ImageCommit commit, StoredImage image, SnapshotContents contents, ContainerdClient client, CommitRequest request, CommitOptions how, ImageReference destination, CancellationToken cancellation)
    {
        if (RemoteBlockImage.FindLayers(image.Manifest) is null)
            throw new SluiceException(SluiceError.Image, $"container {request.Container}", "its image is a RAFS one: commit makes layers of block images only", "use images that were made with: sluice convert --format overlaybd");
        DirectoryChanges changes;
        var halt = new Halt(null, request.Containerd, request.Namespace, request.Container);
        await using (await client.Containers.PauseAsync(request.Container, () => halts.Note(halt), cancellation))
        {
            changes = await Task.Factory.StartNew(() => DirectoryChanges.Read(contents.Directories, cancellation), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        using (changes)
        {
            CommitLayer layer = await changes.PackAsync(image, how, cancellation);
            return Answer(await commit.RunAsync([layer], destination.Tag, cancellation), changes.Warnings);
        }
    }

    private async Task<CommittedImage> CommitDiskAsync(
        ImageCommit commit, SnapshotContents contents, string containerNamespace, ContainerRecord container, ImageReference destination, CancellationToken cancellation)
    {
        await snapshotter.AttachContainerAsync(containerNamespace, container.SnapshotKey, cancellation);
        IReadOnlyList<IUpper> uppers = await images.Disk(contents.Id).SealAsync(halts);
        IReadOnlyList<(IUpper Upper, int Part, string Name)> layers =
            [.. uppers.SelectMany(upper => Enumerable.Range(0, upper.Parts).Select(part => (upper, part, part == 0 ? upper.Header.Uuid : $"{upper.Header.Uuid}.{part}")))];
        CommittedLayers known = CommittedLayers.Load(contents.DiskDirectory);
        CommitResult result = await commit.RunAsync(
            [.. layers.Select(layer => new CommitLayer((output, header) => layer.Upper.Commit(output, header, layer.Part)) { Known = known.Find(layer.Name) })], destination.Tag, cancellation);
        for (int i = 0; i < layers.Count; i++) known.Remember(layers[i].Name, result.Layers[i].Blob);
        known.Save();
        return Answer(result, []);
    }

    private static CommittedImage Answer(CommitResult result, IReadOnlyList<string> warnings) =>
        new(result.Manifest.Digest.ToString(), [.. result.Layers.Select(layer => layer.Blob.Digest.ToString())], result.Layers.Count(layer => !layer.Reused), warnings);

    private static ImageReference Destination(string text)
    {
        ImageReference reference = ImageReference.Parse(text);
        if (reference.Transport == ImageTransport.Device) throw AdminJson.Wrong($"'image' is '{text}': device configurations can't be written");
        if (reference.Transport != ImageTransport.Registry && !Path.IsPathRooted(reference.Path)) throw AdminJson.Wrong($"'image' is '{text}', whose path is not absolute");
        return reference.Digest is null ? reference : throw AdminJson.Wrong($"'image' is '{text}': an image that is to be made has no digest yet");
    }
}
