using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>The mount of an image that its containers share.</summary>
/// <param name="Store">Where its blobs come from; goes with the mount.</param>
/// <param name="Former">
/// The mount that containers got before all of the image was here; null: none. Nobody can tell when the last of them has gone, so it stays as long as the image does.
/// </param>
internal sealed record SharedMount(MountedImage Mounted, IImageStore Store, SharedMount? Former = null)
{
    /// <summary>Itself, and what is below.</summary>
    public IEnumerable<SharedMount> All
    {
        get
        {
            for (SharedMount? mount = this; mount is not null; mount = mount.Former) yield return mount;
        }
    }

    /// <summary>Unmounts this one only.</summary>
    public async Task CloseAsync()
    {
        try
        {
            await Mounted.DisposeAsync();
        }
        finally
        {
            await Store.DisposeAsync();
        }
    }

    /// <summary>Unmounts all.</summary>
    public async Task CloseAllAsync()
    {
        try
        {
            await CloseAsync();
        }
        finally
        {
            if (Former is not null) await Former.CloseAllAsync();
        }
    }
}
