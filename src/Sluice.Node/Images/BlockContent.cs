using Sluice.Formats;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Kernel.Mounts;
using Sluice.Storage.Disks;
using Sluice.Storage.Disks.Uppers;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>A block image: whatever file system is on its device, over a loop device.</summary>
internal sealed class BlockContent(BlockStack stack) : ImageContent
{
    public BlockStack Stack { get; } = stack;

    public override async Task<OpenedImage> OpenAsync(
        ImageDisks opener, IImageStore store, string key, LocalImage image, bool onLoop, CancellationToken cancellation)
    {
        BlockDisk disk = opener.OpenBlocks(Stack, store, key);
        try
        {
            string type = await ProbeAsync(disk, image.Record.Reference).WaitAsync(cancellation);
            Task MountAsync(MountProcess mounts, IReadOnlyList<string> files, string target, int readAhead, CancellationToken token) =>
                mounts.MountBlocksAsync(new BlockMount { Disk = files[0], FileSystem = type, Target = target, ReadAheadKilobytes = readAhead }, token);
            return new OpenedImage([disk], MountAsync, MountAsync);
        }
        catch
        {
            disk.Dispose();
            throw;
        }
    }

    public override Task<IReadOnlyList<IDisk>> OpenDisksAsync(
        ImageDisks opener, IImageStore store, string key, LocalImage image, bool onLoop, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<IDisk>>([opener.OpenBlocks(Stack, store, key)]);

    /// <summary>Opens the device with a writable layer over it, which is made if it is missing.</summary>
    /// <param name="key">Names the disk; unique among the writable ones.</param>
    /// <param name="pendingDirectory">On a tmpfs: what is not flushed survives a killed process there.</param>
    /// <exception cref="SluiceException">The layer belongs to another image, is of another kind, damaged or in use. Nothing stays open.</exception>
    public WritableDisk OpenWritable(ImageDisks opener, IImageStore store, string key, WritableLayer layer, string pendingDirectory)
    {
        BlockDisk disk = opener.OpenBlocks(Stack, store, key);
        UpperDirectory? uppers = null;
        try
        {
            string parent = LayerUuids.Of(Stack.Layers.Select(below => below.Blob))[^1];
            uppers = UpperDirectory.Exists(layer.Directory)
                ? UpperDirectory.Open(layer.Directory, parent, pendingDirectory)
                : UpperDirectory.Create(layer.Directory, layer.Kind ?? UpperKind.Append, disk.Length, parent, pendingDirectory);
            if (layer.Kind is { } kind && kind != uppers.Kind)
                throw new SluiceException(SluiceError.Usage, layer.Directory, $"the writable layer in it is of the other kind: {uppers.Kind}", "leave the kind out");
            return new WritableDisk(key, disk, uppers);
        }
        catch
        {
            uppers?.Dispose();
            disk.Dispose();
            throw;
        }
    }

    public static async Task<byte[]> ReadStartAsync(IDisk disk, string image)
    {
        if (disk.Length < DeviceFileSystem.Length) throw new SluiceException(SluiceError.Image, image, $"its device has {disk.Length} bytes");
        byte[] start = new byte[DeviceFileSystem.Length];
        if (await disk.ReadAsync(0, start) != DiskError.None) throw new SluiceException(SluiceError.Source, image, "the first blocks of its device can't be read", "the log says why");
        return start;
    }

    public static SluiceException NoFileSystem(string image) => new(SluiceError.Image, image, "no ext4, xfs or EROFS is on its device");

    /// <summary>The superblock, which the kernel reads next, counts; annotations say what a converter was told.</summary>
    private static async Task<string> ProbeAsync(BlockDisk disk, string reference) =>
        DeviceFileSystem.Probe(await ReadStartAsync(disk, reference)) ?? throw NoFileSystem(reference);
}
