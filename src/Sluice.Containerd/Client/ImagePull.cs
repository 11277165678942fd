using System.Globalization;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Containerd.Client;

/// <summary>
/// Registers an image with containerd without downloading a layer: afterwards <c>ctr run --snapshotter NAME IMAGE ID</c> and Kubernetes find it.
/// </summary>
/// <remarks>
/// containerd takes an image for unpacked when a snapshot with the chain id of all layers exists, and reads manifest and
/// configuration from its content store; nobody looks for the layers. Garbage collection follows labels: image record →
/// index → manifest → configuration → topmost snapshot → its parents.
/// </remarks>
public sealed class ImagePull(ContainerdClient client, TimeProvider time)
{
    private const string ContentReference = "containerd.io/gc.ref.content.";
    private const string SnapshotReference = "containerd.io/gc.ref.snapshot.";
    private const string DistributionSource = "containerd.io/distribution.source.";

    /// <summary>A pull that died keeps its content for this long.</summary>
    private static readonly TimeSpan LeaseTime = TimeSpan.FromHours(1);

    /// <summary>containerd refuses calls for up to 3 s (and a fifth of it) before it dials a snapshotter again that was not there.</summary>
    private static readonly TimeSpan DialTime = TimeSpan.FromSeconds(5), AskAgainAfter = TimeSpan.FromMilliseconds(100);

    /// <summary>Source: google.golang.org/grpc.</summary>
    private static readonly string[] DiallingErrors = ["connection error:", "connection closed", "last connection error:", "transport is closing", "the connection is draining", "error reading from server:", "timed out waiting for server handshake", "closing transport due to:"];

    /// <returns>The chain id of the whole image, which is the name of its topmost snapshot.</returns>
    /// <exception cref="SluiceException">The image has no layers, the snapshotter does not serve one of them lazily, or containerd refused a call.</exception>
    public async Task<Digest> RegisterAsync(ImageToRegister image, CancellationToken cancellation)
    {
        if (image.Layers.Count == 0) throw new SluiceException(SluiceError.Image, image.Name, "the image has no layers");
        IReadOnlyList<Digest> chain = ChainId.All(image.Layers.Select(layer => layer.DiffId));
        await client.EnsureNamespaceAsync(cancellation);
        string lease = string.Create(CultureInfo.InvariantCulture, $"sluice-pull-{Guid.NewGuid():n}");
        await client.Leases.CreateAsync(lease, time.GetUtcNow() + LeaseTime, cancellation);
        try
        {
            using ContainerdClient leased = client.WithLease(lease);
            int top = image.Layers.Count - 1;
            await PrepareAllAsync(leased, image, chain, 0, top, cancellation);

            // The topmost layer of a lazy image waits for the metadata; the documents, for which nobody waits before, are written meanwhile.
            await Task.WhenAll(PrepareAllAsync(leased, image, chain, top, top + 1, cancellation), WriteDocumentsAsync(leased, image, chain[^1], cancellation));
            await client.Images.PutAsync(new ImageRecord(image.Name, (image.Index ?? image.Manifest).ToDescriptor(), image.Labels), cancellation);
        }
        catch
        {
            await EndAsync(lease, wait: true);
            throw;
        }

        await EndAsync(lease, wait: false);
        return chain[^1];
    }

    /// <summary>After a failure it waits until containerd has collected what the pull had brought.</summary>
    private async Task EndAsync(string lease, bool wait)
    {
        try
        {
            await client.Leases.DeleteAsync(lease, wait, CancellationToken.None);
        }
        catch (GrpcException)
        {
            // It expires by itself; the outcome of the pull is what matters.
        }
    }

    /// <summary>At once: each is a transaction of containerd's, and the lease holds them whatever comes first.</summary>
    private static Task WriteDocumentsAsync(ContainerdClient leased, ImageToRegister image, Digest top, CancellationToken cancellation)
    {
        Dictionary<string, string> config = Source(image.Name);
        config[SnapshotReference + image.Snapshotter] = top.ToString();
        List<Task> writes = [leased.Content.WriteAsync(image.Config.Content, config, cancellation)];

        Dictionary<string, string> manifest = Source(image.Name);
        manifest[ContentReference + "config"] = image.Config.Digest.ToString();
        for (int i = 0; i < image.Layers.Count; i++) manifest[string.Create(CultureInfo.InvariantCulture, $"{ContentReference}l.{i}")] = image.Layers[i].Digest.ToString();
        writes.Add(leased.Content.WriteAsync(image.Manifest.Content, manifest, cancellation));

        if (image.Index is not null)
        {
            Dictionary<string, string> index = Source(image.Name);
            index[ContentReference + "m.0"] = image.Manifest.Digest.ToString();
            writes.Add(leased.Content.WriteAsync(image.Index.Content, index, cancellation));
        }

        return Task.WhenAll(writes);
    }

    /// <summary>Tells where content came from, so that a later push or pull can mount it across repositories.</summary>
    private static Dictionary<string, string> Source(string name)
    {
        Dictionary<string, string> labels = new(StringComparer.Ordinal);
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        if (slash <= 0) return labels;
        string repository = name[(slash + 1)..].Split('@')[0].Split(':')[0];
        if (repository.Length > 0) labels[DistributionSource + name[..slash]] = repository;
        return labels;
    }

    /// <summary>Layers from <paramref name="first"/> to before <paramref name="end"/>.</summary>
    private async Task PrepareAllAsync(ContainerdClient leased, ImageToRegister image, IReadOnlyList<Digest> chain, int first, int end, CancellationToken cancellation)
    {
        long? refusedAt = null;
        for (int i = first; i < end;)
        {
            try
            {
                await PrepareAsync(leased, image, chain, i, cancellation);
                i++;
            }
            catch (GrpcException refused) when (IsOfDialling(refused) && time.GetElapsedTime(refusedAt ??= time.GetTimestamp()) < DialTime)
            {
                await Task.Delay(AskAgainAfter, time, cancellation);
            }
        }
    }

    /// <summary>True for what containerd's client of the snapshotter says itself; what the snapshotter says, as of a registry that does not answer, is not asked for again.</summary>
    private static bool IsOfDialling(GrpcException refused) => refused.Status == GrpcStatusCode.Unavailable && DiallingErrors.Any(error => refused.Detail.StartsWith(error, StringComparison.Ordinal));

    private static async Task PrepareAsync(ContainerdClient leased, ImageToRegister image, IReadOnlyList<Digest> chain, int index, CancellationToken cancellation)
    {
        SnapshotStore snapshots = leased.Snapshots(image.Snapshotter);
        string name = chain[index].ToString();

        // Known from an earlier pull? The new lease must hold it while the image record does not yet, and after that it must
        // still be there: else containerd was about to collect what we saw.
        if (await snapshots.FindAsync(name, cancellation) is not null)
        {
            await leased.Leases.AddAsync(leased.Lease!, $"snapshots/{image.Snapshotter}", name, cancellation);
            if (await snapshots.FindAsync(name, cancellation) is not null) return;
        }

        string key = $"extract-{Guid.NewGuid():n} {name}";
        string parent = index == 0 ? "" : chain[index - 1].ToString();
        IReadOnlyList<SnapshotMount>? mounts = await snapshots.PrepareAsync(key, parent, LayerLabels.For(image, index, name), cancellation);
        if (mounts is null) return;
        await snapshots.RemoveAsync(key, CancellationToken.None);
        throw new SluiceException(
            SluiceError.Image, image.Name, $"the snapshotter '{image.Snapshotter}' does not bring layer {image.Layers[index].Digest} by itself",
            "is it Sluice's? else convert the image first, or pull it with containerd");
    }
}
