using Sluice.Storage.Disks;
using Sluice.Storage.Images;
using Sluice.Testing.Images;

namespace Sluice.Storage.Tests.Disks;

public sealed class DiskFillTests : IDisposable
{
    private readonly BlockRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task ABlockImageFillsAsItIsReadAndCountsWhatItShows()
    {
        BlockStack stack = await _rig.LoadAsync(BlockImage.Golden());
        BlockDisk disk = _rig.Open(stack);
        DiskFill before = disk.Fill;
        Assert.InRange(before.Whole, 1, disk.Length);
        Assert.True(before.Local < before.Whole);
        await BlockRig.HashAsync(disk);
        Assert.Equal(new DiskFill(before.Whole, before.Whole), disk.Fill);
        Assert.True(disk.IsLocal);

        // Whoever looks at all images may meet one that is being closed: its index is native memory.
        disk.Dispose();
        Assert.Equal(default, disk.Fill);
    }
}
