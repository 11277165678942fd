using Sluice.Containerd.Client;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Configuration;
using Sluice.Node.Images;
using Sluice.Node.Policies;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Node.Admin;

/// <summary>
/// <c>sluice pull</c>: makes an image known to containerd, an accelerated one without downloading it, an ordinary one unpacked. It happens in the daemon because the daemon
/// reads the image later: what its credentials and mirrors can't reach is said now, and its connections are warm.
/// </summary>
internal sealed class ImageRegistration(NodeOptions options, PullPolicies policies, LocalImages local, LazyImages images, OrdinaryImages ordinary, Snapshotter snapshotter)
{
    /// <summary>How long containerd may wait for an ordinary layer to be here.</summary>
    private static readonly TimeSpan LayerPatience = TimeSpan.FromHours(1);

    /// <exception cref="SluiceException">The image can't be had, or is ordinary and not to come eagerly, or containerd refused a call.</exception>
    public async Task<PulledImage> PullAsync(PullRequest request, CancellationToken cancellation)
    {
        ImageReference reference = ImageReference.Parse(request.Image);
        if (reference.Transport != ImageTransport.Registry) throw AdminJson.Wrong($"{request.Image} is not in a registry");
        Platform platform = request.Platform is null ? Platform.Host : Platform.Parse(request.Platform);
        await using IImageStore store = ImageStores.Open(reference, options.Sources);
        (StoredManifest top, StoredImage image, string? warning) = await FindAsync(store, reference, platform, cancellation);
        await using IImageStore source = image.Store;
        if (DownloadedImage.IsLazy(image)) await RegisterLazyAsync(reference, top, image, request, cancellation);
        else await RegisterOrdinaryAsync(await DescribeAsync(reference, top, image, request, cancellation), image, request, cancellation);
        return new PulledImage(ContainerdNames.Of(reference), image.Stored.Digest.ToString(), warning);
    }

    /// <summary>What the daemon fetches by itself, and what containerd is told, at the same time.</summary>
    private async Task RegisterLazyAsync(ImageReference reference, StoredManifest top, StoredImage image, PullRequest request, CancellationToken cancellation)
    {
        var expected = new LazyImage(new LazyImageKey(image.Stored.Digest), ContainerdNames.Of(reference));
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task begun = images.BeginPullAsync(expected, image.Stored, over.Token); // what goes wrong with it is said when containerd asks for the layer that needs it
        try
        {
            ImageToRegister described = await DescribeAsync(reference, top, image, request, cancellation);
            using var client = new ContainerdClient(request.Containerd, request.Namespace);
            if (described.Layers.Count > 0) RequireLazy(described, client.Namespace);
            if (RemoteBlockImage.FindLayers(image.Manifest) is not null && snapshotter.FindImage(ChainOf(described)) is { } known) LayerNames.CheckRegistry(known.Reference, described.Name);
            Digest chain = await new ImagePull(client, TimeProvider.System).RegisterAsync(described, cancellation);

            // containerd may have known the layers as part of another image: what containers run on must be here as well.
            if (snapshotter.FindImage(chain.ToString()) is { } used) await images.KeepAsync(used, cancellation);
        }
        finally
        {
            await over.CancelAsync();
            await begun.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await snapshotter.ReleaseUnusedAsync(expected.Key);
        }
    }

    /// <summary>All layers are here when it returns.</summary>
    private async Task RegisterOrdinaryAsync(ImageToRegister described, StoredImage image, PullRequest request, CancellationToken cancellation)
    {
        Digest manifest = image.Stored.Digest;
        if (policies.Of(described.Name) != PullPolicy.Eager)
            throw new SluiceException(SluiceError.Image, described.Name, "is an ordinary image, and its policy is to be lazy", "convert it first: sluice convert SRC DST; or pull it with containerd; why: sluice policy explain IMAGE");
        using var client = new ContainerdClient(request.Containerd, request.Namespace, LayerPatience);
        try
        {
            await new ImagePull(client, TimeProvider.System).RegisterAsync(described, cancellation);
        }
        catch (SluiceException) when (ordinary.TakeFailure(manifest) is { } reason)
        {
            throw new SluiceException(SluiceError.Image, described.Name, $"its layers can't be unpacked here: {reason}", "if that is not the image's own fault, pull it with containerd");
        }
        finally
        {
            await ordinary.ForgetAsync(manifest);
        }
    }

    /// <summary>While the registry can't be reached, images that were imported are what they were where they come from.</summary>
    private async Task<(StoredManifest Top, StoredImage Image, string? Warning)> FindAsync(IImageStore store, ImageReference reference, Platform platform, CancellationToken cancellation)
    {
        IReadOnlyList<Digest> kept = local.ListDocumented(reference);
        try
        {
            (StoredManifest top, StoredImage image) = await ResolveAsync(kept.Count > 0 ? images.Patience : images.Deadline, store, reference.TagOrDigest, reference, platform, cancellation);
            return (top, image, null);
        }
        catch (SluiceException away) when (kept.Count > 0 && (away.Error == SluiceError.Timeout || away.MayPassIn is not null))
        {
            foreach (Digest manifest in kept)
            {
                IImageStore documents = local.OpenDocuments(manifest);
                try
                {
                    (StoredManifest top, StoredImage image) = await ResolveAsync(images.Deadline, documents, reference.Digest?.ToString() ?? LocalImages.TopTag, reference, platform, cancellation);
                    return (top, image, $"{store.Name} can't be reached, so {reference} is what was imported, manifest {image.Stored.Digest}: {away.Message}");
                }
                catch (SluiceException)
                {
                    await documents.DisposeAsync(); // of another platform or digest
                }
            }

            throw;
        }
    }

    private static Task<(StoredManifest Top, StoredImage Image)> ResolveAsync(
        TimeSpan limit, IImageStore store, string tagOrDigest, ImageReference reference, Platform platform, CancellationToken cancellation) =>
        AskAsync(limit, store, $"the manifest of {reference}", async token =>
        {
            StoredManifest top = await store.GetManifestAsync(tagOrDigest, token);
            return (top, await ImageResolver.ResolveAsync(store, top, platform, preferAccelerated: true, token));
        }, cancellation);

    private static Task<T> AskAsync<T>(TimeSpan limit, IImageStore store, string what, Func<CancellationToken, Task<T>> ask, CancellationToken cancellation) =>
        SourceDeadline.AskAsync(limit, store, what, ask, cancellation);

    /// <summary>containerd would take over what an ordinary pull of a block image has unpacked: the layers' blobs in place of a tree.</summary>
    private void RequireLazy(ImageToRegister image, string containerNamespace)
    {
        if (!snapshotter.IsUnpacked(containerNamespace, ChainOf(image))) return;
        throw new SluiceException(
            SluiceError.Image, image.Name, "containerd has unpacked its layers like those of an ordinary image", "remove the images that have them from containerd, then pull again");
    }

    private static string ChainOf(ImageToRegister image) => ChainId.All(image.Layers.Select(layer => layer.DiffId))[^1].ToString();

    private async Task<ImageToRegister> DescribeAsync(ImageReference reference, StoredManifest top, StoredImage image, PullRequest request, CancellationToken cancellation)
    {
        byte[] configContent = await AskAsync(images.Deadline, image.Store, $"the configuration of {reference}", token => image.ReadBlobAsync(image.Manifest.Config, OciLimits.Config, token), cancellation);
        ImageConfig config = ImageConfig.Parse(configContent);
        config.CheckLayers(image.Manifest);
        return new ImageToRegister
        {
            Name = ContainerdNames.Of(reference),
            Index = top.Digest == image.Stored.Digest ? null : new ImageDocument(top.MediaType, top.Content),
            Manifest = new ImageDocument(image.Stored.MediaType, image.Stored.Content),
            Config = new ImageDocument(image.Manifest.Config.MediaType, configContent),
            Layers = [.. image.Manifest.Layers.Select((layer, i) => new LayerToRegister(
                layer.Digest, config.DiffIds[i], layer.Annotations ?? new Dictionary<string, string>(StringComparer.Ordinal)))],
            Snapshotter = request.Snapshotter,
        };
    }
}
