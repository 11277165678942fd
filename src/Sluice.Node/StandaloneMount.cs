using Sluice.Containerd.Sockets;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;
using Sluice.Node.Images;
using Sluice.Node.Succession;
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

    /// <summary>True if the mount is that of an earlier process, which was killed.</summary>
    public bool IsTakenOver { get; private init; }

    /// <summary>Mounts the image; or, if a killed process has mounted the same here with the same state directory, serves that mount on, without asking anybody.</summary>
    /// <param name="platform">Chosen from an index.</param>
    /// <param name="target">Existing directory.</param>
    /// <param name="layer">Mounts a block image for writing, with this layer over it; null: read-only.</param>
    /// <param name="isSuccessor">Serves on what a killed process has mounted, and mounts nothing: what was unmounted meanwhile stays so.</param>
    /// <param name="log">Told what an operator should know, one line at a time; also that the registry is away and an image of an earlier mount is used.</param>
    /// <returns>Null if a successor finds nothing to serve.</returns>
    /// <exception cref="SluiceException">No such image, an ordinary image, or the kernel refused.</exception>
    public static async Task<StandaloneMount?> StartAsync(
        ImageReference reference, Platform platform, string target, NodeOptions options, WritableLayer? layer, bool isSuccessor, Action<string> log, CancellationToken cancellation)
    {
        string name = $"{reference} {platform.Os}/{platform.Architecture}/{platform.Variant}";
        target = Path.GetFullPath(target);
        var images = new LocalImages(options.ImagesDirectory);
        if (MountTable.Find(target) is null && !Directory.Exists(target)) throw new SluiceException(SluiceError.NotFound, target, "is not a directory", "make it first: mkdir -p " + target);
        ImageMounter mounter = await ImageMounter.StartAsync(options, images, log, cancellation); // takes away what a killed process left there
        IImageStore? store = null;
        try
        {
            if (TakeOver(mounter, name, target, layer) is { } taken) return taken;
            if (isSuccessor)
            {
                await mounter.DisposeAsync();
                return null;
            }

            store = ImageStores.Open(reference, options.Sources);
            ImageLocation found = await ImageLocation.FindAsync(images, store, reference, platform, name, options.Fetch, cancellation);
            if (found.Warning is not null) log(found.Warning);
            if (MountTable.Find(target) is { } there && ImageMounts.IsImage(there)) throw new SluiceException(SluiceError.Usage, target, "an image is mounted already", "unmount it first: sluice umount " + target);
            LocalImage image = found.Here
                ?? images.Load(found.There!.Stored.Digest)
                ?? images.Save(reference.ToString(), await mounter.FetchMetadataAsync(found.There, cancellation));
            images.Remember(name, image.Record.Manifest);
            string key = image.Record.Manifest.Hex[..16];
            MountedImage mounted = layer is null
                ? await mounter.MountAsync(key, image, store, target, cancellation, name)
                : await mounter.MountWritableAsync(key, image, store, target, layer, cancellation, name);
            return new StandaloneMount(mounter, store, mounted, layer is not null);
        }
        catch
        {
            if (mounter.IsInherited) await mounter.LeaveAsync();
            await mounter.DisposeAsync();
            if (store is not null) await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>True if no living process uses the state directory.</summary>
    public static bool IsLeft(NodeOptions options) => Predecessor.IsGone(options.State);

    /// <summary>Waits until no living process uses the state directory.</summary>
    /// <exception cref="SluiceException">One does for too long.</exception>
    public static Task UntilLeftAsync(NodeOptions options, CancellationToken cancellation) => Predecessor.UntilGoneAsync(options, cancellation);

    /// <summary>Unmounts what a killed process has mounted, and ends its keeper.</summary>
    /// <exception cref="SluiceException">A living process serves it.</exception>
    public static async Task TearDownAsync(NodeOptions options, Action<string> log, CancellationToken cancellation)
    {
        bool hasSocket = ListeningSocket.NameAt(options.SocketPath) is { } socket && KeeperProcess.Names(options.State)?.Contains(socket) == true;
        await using (ImageMounter mounter = await ImageMounter.StartAsync(options, new LocalImages(options.ImagesDirectory), log, cancellation)) await mounter.UnmountAdoptedAsync();
        if (hasSocket) File.Delete(options.SocketPath);
    }

    private static StandaloneMount? TakeOver(ImageMounter mounter, string name, string target, WritableLayer? layer)
    {
        if (mounter.AdoptedWritable is [{ } writable] && mounter.Adopted.Count == 0 && writable.Record.Name == name && writable.Record.Target == target && writable.Record.Layer == layer?.Directory)
            return new StandaloneMount(mounter, writable.Store, mounter.MountOf(writable), isWritable: true) { IsTakenOver = true };
        if (mounter.Adopted is [{ } image] && mounter.AdoptedWritable.Count == 0 && layer is null && image.Record.Name == name && image.Record.Target == target)
            return new StandaloneMount(mounter, image.Store, image.Mounted, isWritable: false) { IsTakenOver = true };
        if (!mounter.IsInherited) return null;
        string other = mounter.Adopted.Select(adopted => adopted.Record).Concat(mounter.AdoptedWritable.Select(adopted => adopted.Record)).Select(record => record.Target).FirstOrDefault(target);
        throw new SluiceException(SluiceError.Usage, other, "something else is mounted there with this --state, and the process that served it has ended", "mount the same there to serve it again, or unmount it: sluice umount " + other);
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
