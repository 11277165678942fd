using Sluice.Formats;
using Sluice.Formats.OverlayBd;
using Sluice.Kernel.Mounts;
using Sluice.Storage.Disks;
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
            string type = await ProbeAsync(disk, image.Record.Reference, store.Name).WaitAsync(cancellation);
            return new OpenedImage([disk], (mounts, files, target, readAhead, token) => mounts.MountBlocksAsync(
                new BlockMount { Disk = files[0], FileSystem = type, Target = target, ReadAheadKilobytes = readAhead }, token));
        }
        catch
        {
            disk.Dispose();
            throw;
        }
    }

    /// <summary>The superblock, which the kernel reads next, counts; annotations say what a converter was told.</summary>
    private static async Task<string> ProbeAsync(BlockDisk disk, string reference, string source)
    {
        if (disk.Length < DeviceFileSystem.Length) throw new SluiceException(SluiceError.Image, reference, $"its device has {disk.Length} bytes");
        byte[] start = new byte[DeviceFileSystem.Length];
        if (await disk.ReadAsync(0, start) != DiskError.None) throw new SluiceException(SluiceError.Source, source, $"did not deliver the first blocks of the device of {reference}", "the log says why");
        return DeviceFileSystem.Probe(start) ?? throw new SluiceException(SluiceError.Image, reference, "no ext4, xfs or EROFS is on its device");
    }
}
