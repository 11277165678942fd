using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;
using Sluice.Node.Images;
using Sluice.Storage.Sources;

namespace Sluice.Node;

/// <summary>
/// One image mounted by a process of its own, without daemon and containerd. The mount lives as long as the process; unmounting
/// the directory ends it.
/// </summary>
public sealed class StandaloneMount : IAsyncDisposable
{
    private readonly ImageMounter _mounter;
    private readonly IImageStore _store;
    private readonly MountedImage _mounted;
    private readonly bool _isWritable;

    private StandaloneMount(ImageMounter mounter, IImageStore store, MountedImage mounted, bool isWritable) => (_mounter, _store, _mounted, _isWritable) = (mounter, store, mounted, isWritable);

    /// <param name="platform">Chosen from an index.</param>
    /// <param name="target">Existing directory.</param>
    /// <param name="layer">Mounts a block image for writing, with this layer over it; null: read-only.</param>
    /// <param name="log">Told what an operator should know, one line at a time; also that the registry is away and an image of an earlier mount is used.</param>
    /// <exception cref="SluiceException">No such image, an ordinary image, or the kernel refused.</exception>
    public static async Task<StandaloneMount> StartAsync(
        ImageReference reference, Platform platform, string target, NodeOptions options, WritableLayer? layer, Action<string> log, CancellationToken cancellation)
    {
        if (!Directory.Exists(target)) throw new SluiceException(SluiceError.NotFound, target, "is not a directory", "make it first: mkdir -p " + target);
        IImageStore store = ImageStores.Open(reference, options.Sources);
        ImageMounter? mounter = null;
        try
        {
            var images = new LocalImages(options.ImagesDirectory);
            string name = $"{reference} {platform.Os}/{platform.Architecture}/{platform.Variant}";
            ImageLocation found = await ImageLocation.FindAsync(images, store, reference, platform, name, options.Fetch, cancellation);
            mounter = await ImageMounter.StartAsync(options, log, cancellation); // takes away what a killed process left there
            if (found.Warning is not null) log(found.Warning);
            if (MountTable.Find(target) is { } there && ImageMounts.IsImage(there)) throw new SluiceException(SluiceError.Usage, target, "an image is mounted already", "unmount it first: sluice umount " + target);
            LocalImage image = found.Here
                ?? images.Load(found.There!.Stored.Digest)
                ?? images.Save(reference.ToString(), await mounter.FetchMetadataAsync(found.There, cancellation));
            images.Remember(name, image.Record.Manifest);
            string key = image.Record.Manifest.Hex[..16];
            MountedImage mounted = layer is null
                ? await mounter.MountAsync(key, image, store, Path.GetFullPath(target), cancellation)
                : await mounter.MountWritableAsync(key, image, store, Path.GetFullPath(target), layer, cancellation);
            return new StandaloneMount(mounter, store, mounted, layer is not null);
        }
        catch
        {
            if (mounter is not null) await mounter.DisposeAsync();
            await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>True while the image is mounted, whatever else is mounted above or below it, or a writable one has something to write.</summary>
    public bool IsInUse => _mounted.IsInUse;

    public async ValueTask DisposeAsync()
    {
        // What is still to be written may need blocks of the image.
        if (!_isWritable) _mounter.StopFetching();
        try
        {
            await _mounted.DisposeAsync();
        }
        finally
        {
            await _mounter.DisposeAsync();
            await _store.DisposeAsync();
        }
    }
}
