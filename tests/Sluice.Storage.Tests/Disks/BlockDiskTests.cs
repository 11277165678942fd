using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Disks;
using Sluice.Storage.Images;
using Sluice.Testing;
using Sluice.Testing.Images;

namespace Sluice.Storage.Tests.Disks;

/// <summary>Images that overlaybd wrote, read through a disk, compared with the device that overlaybd showed.</summary>
public sealed class BlockDiskTests : IDisposable
{
    private const string PlainDevice = "8f235058db75a93ab02d02ea04875ab4cf9233ae78c33a37147f5e504b069abb";

    private readonly BlockRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task ShowsTheDeviceThatOverlayBdShows(int layers)
    {
        BlockStack stack = await _rig.LoadAsync(BlockImage.Golden(layers));
        using BlockDisk disk = _rig.Open(stack);
        Assert.Equal(1 << 30, disk.Length);
        Assert.Equal(BlockImage.GoldenDevices[layers], await BlockRig.HashAsync(disk));
        Assert.Equal(0, _rig.Fetcher.Counters.WrongBytes);
        Assert.Null(disk.CompleteFile);
    }

    [Fact]
    public async Task AStartTakesTwoReadsOfEachLayerAtMost()
    {
        BlockImage image = BlockImage.Golden();
        await _rig.LoadAsync(image);
        Assert.All(_rig.Store.Reads.GroupBy(read => read.Blob), reads => Assert.InRange(reads.Count(), 1, 2));
        Assert.Equal(3, _rig.Store.Reads.Select(read => read.Blob).Distinct().Count());
    }

    [Fact]
    public async Task AnyRangeIsReadRightMissedAndHit()
    {
        BlockStack stack = await _rig.LoadAsync(BlockImage.Golden());
        using BlockDisk disk = _rig.Open(stack);
        byte[] device = new byte[256 << 20]; // all data is in front of that
        Assert.Equal(DiskError.None, await disk.ReadAsync(0, device));
        _rig.Restart();
        foreach (string directory in Directory.GetDirectories(Path.Combine(_rig.Root, "sha256"))) Directory.Delete(directory, recursive: true);
        using BlockDisk fresh = _rig.Open(stack);
        Random random = new(5);
        long[] starts = [0, 1024, .. Enumerable.Range(0, 3).SelectMany(_ => Enumerable.Range(0, 300).Select(block => block * 4096L))];
        foreach (long start in starts)
        {
            long offset = start + random.Next(4096);
            byte[] missed = new byte[random.Next(1, 200_000)];
            Assert.Equal(DiskError.None, await fresh.ReadAsync(offset, missed));
            Assert.True(device.AsSpan((int)offset, missed.Length).SequenceEqual(missed), $"wrong bytes at {offset}+{missed.Length}");
            Array.Clear(missed);
            Assert.True(fresh.TryRead(offset, missed));
            Assert.True(device.AsSpan((int)offset, missed.Length).SequenceEqual(missed), $"wrong bytes at {offset}+{missed.Length} when hit");
        }
    }

    [Fact]
    public async Task RangesOutsideAreRefusedAndHitsAllocateNothing()
    {
        BlockStack stack = await _rig.LoadAsync(BlockImage.Golden());
        using BlockDisk disk = _rig.Open(stack);
        byte[] buffer = new byte[64 << 10];
        Assert.False(disk.TryRead(-1, buffer));
        Assert.False(disk.TryRead(disk.Length - 1, buffer));
        Assert.Equal(DiskError.Invalid, await disk.ReadAsync(disk.Length, buffer));
        Assert.False(disk.TryRead(0, buffer));
        Assert.Equal(DiskError.None, await disk.ReadAsync(0, buffer));
        for (int warm = 0; warm < 100; warm++) Assert.True(disk.TryRead(0, buffer));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int read = 0; read < 1000; read++) disk.TryRead(0, buffer);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public async Task AnotherProcessNeedsNobody()
    {
        BlockStack stack = await _rig.LoadAsync(BlockImage.Golden());
        using (BlockDisk disk = _rig.Open(stack)) await BlockRig.HashAsync(disk);
        byte[] file = BlockStackFile.Write(stack);
        _rig.Restart();
        _rig.Store.IsAway = true;
        int before = _rig.Store.Reads.Count;
        using BlockDisk again = _rig.Open(BlockStackFile.Read(file));
        Assert.Equal(BlockImage.GoldenDevices[3], await BlockRig.HashAsync(again));
        Assert.Equal(before, _rig.Store.Reads.Count);
        Assert.Equal(0, _rig.Fetcher.Counters.Corruptions);
    }

    [Theory]
    [InlineData("data")]
    [InlineData("map")]
    public async Task WhatRottedOnTheDiskIsFetchedAgain(string file)
    {
        BlockStack stack = await _rig.LoadAsync(BlockImage.Golden());
        using (BlockDisk disk = _rig.Open(stack)) await BlockRig.HashAsync(disk);
        _rig.Restart();
        foreach (BlockStackLayer layer in stack.Layers)
        {
            string path = BlockRig.BlobFile(_rig.Root, layer.Blob, file);
            byte[] bytes = File.ReadAllBytes(path);
            for (int at = 5000; at < bytes.Length; at += 100_000) bytes[at] ^= 1;
            File.WriteAllBytes(path, bytes);
        }

        int before = _rig.Store.Reads.Count;
        using BlockDisk again = _rig.Open(stack);
        Assert.Equal(BlockImage.GoldenDevices[3], await BlockRig.HashAsync(again));
        Assert.NotEqual(before, _rig.Store.Reads.Count);
        Assert.Equal(file == "data", _rig.Fetcher.Counters.Corruptions != 0); // a page of the map that is damaged names no chunk
    }

    [Fact]
    public async Task WrongBytesAreAnErrorUntilTheSourceIsRightAgain()
    {
        BlockStack stack = await _rig.LoadAsync(BlockImage.Golden());
        using BlockDisk disk = _rig.Open(stack);
        _rig.Store.Spoil = static (_, _, bytes) =>
        {
            for (int at = 0; at < bytes.Length; at += 50) bytes.Span[at] ^= 0x20;
        };
        byte[] buffer = new byte[4096];
        Assert.Equal(DiskError.InputOutput, await disk.ReadAsync(0, buffer));
        Assert.False(disk.TryRead(0, buffer));
        Assert.NotEqual(0, _rig.Fetcher.Counters.WrongBytes);
        _rig.Store.Spoil = null;
        Assert.Equal(DiskError.None, await disk.ReadAsync(0, buffer));
        Assert.Equal(BlockImage.GoldenDevices[3], await BlockRig.HashAsync(disk));
    }

    [Fact]
    public async Task ADamagedEndIsNamed()
    {
        _rig.Store.Spoil = static (_, _, bytes) => bytes.Span[^1600] ^= 1;
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => _rig.LoadAsync(BlockImage.Golden(1)));
        Assert.Contains("layer sha256:", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ALayerWithoutChecksumsComesWholeAndIsChecked()
    {
        BlockImage image = new([.. Enumerable.Range(0, 3).Select(layer => File.ReadAllBytes(Golden.Path($"overlaybd/lsmt/layer{layer}.lsmt")))]);
        BlockStack stack = await _rig.LoadAsync(image);
        Assert.All(stack.Layers, layer => Assert.False(layer.IsChecked));
        _rig.Store.IsAway = true; // all of it is here
        using (BlockDisk disk = _rig.Open(stack)) Assert.Equal(PlainDevice, await BlockRig.HashAsync(disk));

        // Neither the copy nor the cache is believed.
        _rig.Restart();
        _rig.Store.IsAway = false;
        foreach (BlockStackLayer layer in stack.Layers)
        {
            foreach (string name in new[] { "blob", "data" })
            {
                string path = BlockRig.BlobFile(_rig.Root, layer.Blob, name);
                byte[] bytes = File.ReadAllBytes(path);
                bytes[5000] ^= 1;
                File.WriteAllBytes(path, bytes);
            }
        }

        using BlockDisk again = _rig.Open(BlockStackFile.Read(BlockStackFile.Write(stack)));
        Assert.Equal(PlainDevice, await BlockRig.HashAsync(again));
    }

    [Fact]
    public async Task AWrongLayerWithoutChecksumsIsRefused()
    {
        _rig.Store.Spoil = static (_, offset, bytes) => bytes.Span[bytes.Length / 2] ^= (byte)(offset == 0 ? 1 : 0);
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => _rig.LoadAsync(new BlockImage(File.ReadAllBytes(Golden.Path("overlaybd/lsmt/layer0.lsmt")))));
        Assert.Contains("other content", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TwoRegistriesDoNotShareWhatOnlyACrcProves()
    {
        BlockStack stack = await _rig.LoadAsync(BlockImage.Golden(1));
        MemoryStore other = new("other");
        await BlockImage.Golden(1).StoreAsync(other, null);
        using BlockDisk mine = _rig.Open(stack);
        using BlockDisk theirs = _rig.Open(stack, other);
        Assert.Equal(DiskError.None, await mine.ReadAsync(0, new byte[4096]));
        Assert.False(theirs.TryRead(0, new byte[4096]));
        using BlockDisk shared = _rig.Open(stack);
        Assert.True(shared.TryRead(0, new byte[4096]));
    }

    [Fact]
    public async Task TheFileOfAnImageIsRefusedWhenCutOrDamaged()
    {
        BlockStack stack = await _rig.LoadAsync(BlockImage.Golden());
        byte[] file = BlockStackFile.Write(stack);
        for (int length = 0; length < file.Length; length += 997) Refused(file.AsSpan(0, length).ToArray());
        Random random = new(9);
        for (int round = 0; round < 300; round++)
        {
            byte[] damaged = [.. file];
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            try
            {
                BlockStack read = BlockStackFile.Read(damaged);
                read.ReadIndex().Dispose();
            }
            catch (InvalidFormatException)
            {
                // as it should, where a length or a name alone does not betray it
            }
        }

        static void Refused(byte[] bytes) => Assert.Throws<InvalidFormatException>(() => BlockStackFile.Read(bytes).ReadIndex().Dispose());
    }

    [Fact]
    public void FileSystemsAreToldApart()
    {
        Assert.Equal("ext4", Formats.OverlayBd.DeviceFileSystem.Probe(Marked(1080, [0x53, 0xEF])));
        Assert.Equal("xfs", Formats.OverlayBd.DeviceFileSystem.Probe(Marked(0, "XFSB"u8)));
        Assert.Equal("erofs", Formats.OverlayBd.DeviceFileSystem.Probe(Marked(1024, [0xE2, 0xE1, 0xF5, 0xE0])));
        Assert.Null(Formats.OverlayBd.DeviceFileSystem.Probe(new byte[4096]));
        Assert.Null(Formats.OverlayBd.DeviceFileSystem.Probe([]));

        static byte[] Marked(int at, ReadOnlySpan<byte> magic)
        {
            byte[] bytes = new byte[4096];
            magic.CopyTo(bytes.AsSpan(at));
            return bytes;
        }
    }
}
