using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <content>Which of its mounts an image's new containers get.</content>
internal sealed partial class LazyImages
{
    /// <summary>Of the local mount beside one that is served.</summary>
    private const string LocalSuffix = "-local";

    /// <summary>True if new containers on the image read it without this process.</summary>
    public bool IsLocal(Digest manifest) => _mounted.TryGetValue(manifest, out SharedMount? mount) && mount.Mounted.IsLocal;

    /// <summary>The mount that stands; what somebody else has unmounted is given up: a container on the bare directory would be empty.</summary>
    private async Task<SharedMount?> FindMountedAsync(LazyImage image)
    {
        while (_mounted.TryGetValue(image.Key.Manifest, out SharedMount? mount))
        {
            if (mount.Mounted.IsMounted) return mount;
            Log.Lost(logger, image.Reference, mount.Mounted.Target);
            if (mount.Former is { } former) _mounted[image.Key.Manifest] = former;
            else _mounted.TryRemove(image.Key.Manifest, out _);
            await mount.CloseAsync();
        }

        return null;
    }

    /// <summary>All of the image has come here since it was mounted. Containers that start from now on get a local mount; those that run stay on theirs.</summary>
    private async Task<string> MountBesideAsync(LazyImage image, SharedMount served, string target, CancellationToken cancellation)
    {
        Digest manifest = image.Key.Manifest;
        IImageStore? store = null;
        try
        {
            LocalImage opened = await OpenAsync(image).WaitAsync(cancellation);
            store = _sources.Open(opened.Record.Reference);
            if (await mounter.TryMountLocalAsync(manifest.Hex[..16] + LocalSuffix, opened, store, target, cancellation) is { } mounted)
            {
                _mounted[manifest] = new SharedMount(mounted, store, served);
                store = null;
                SayMounted(image, mounted);
                return target;
            }
        }
        catch (SluiceException failed)
        {
            Log.NotLocal(logger, image.Reference, failed.Message); // what is mounted does it, too
        }
        finally
        {
            _opening.TryRemove(manifest, out _);
            if (store is not null) await store.DisposeAsync();
        }

        return served.Mounted.Target;
    }

    private void SayMounted(LazyImage image, MountedImage mounted)
    {
        if (mounted.IsLocal) Log.MountedLocally(logger, image.Reference, mounted.Target);
        else Log.Mounted(logger, image.Reference, mounted.Target);
    }
}
