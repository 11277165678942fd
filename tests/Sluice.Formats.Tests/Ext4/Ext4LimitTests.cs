using Sluice.Formats.Ext4;
using Sluice.Formats.Trees;
using Sluice.Testing.Ext4;

namespace Sluice.Formats.Tests.Ext4;

/// <summary>What doesn't fit, and what isn't supported, says so.</summary>
public sealed class Ext4LimitTests
{
    private const uint Root = Ext4FileSystem.Root;

    [Fact]
    public void A_full_device_names_its_size_and_what_to_do()
    {
        using TestImage image = TestImage.Create(8 << 20);
        Ext4FileSystem fileSystem = image.Open();
        Ext4FullException error = Assert.Throws<Ext4FullException>(() => fileSystem.AddFile(Root, "f", new byte[9 << 20]));
        Assert.Contains("0.008 GiB", error.Message, StringComparison.Ordinal);
        Assert.Contains("--vsize", error.Hint, StringComparison.Ordinal);
        Assert.Equal(SluiceError.Usage, error.Error);
    }

    [Fact]
    public void A_file_system_of_countless_groups_is_refused()
    {
        using TestImage image = TestImage.Create(8 << 20);
        const uint groups = (1 << 20) + 1, blocksInGroup = 64, inodesInGroup = 16;
        using var store = new FileBlockStore(image.Path, (long)groups * blocksInGroup * 4096);
        byte[] block = new byte[4096];
        store.Read(0, block);
        Put(0x00, groups * inodesInGroup);
        Put(0x04, groups * blocksInGroup);
        Put(0x20, blocksInGroup);
        Put(0x28, inodesInGroup);
        store.WriteMetadata(0, block);
        SluiceException error = Assert.Throws<SluiceException>(() => Ext4FileSystem.Open(store));
        Assert.Contains($"{groups} groups", error.Message, StringComparison.Ordinal);

        void Put(int field, uint value) => System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(1024 + field), value);
    }

    [Fact]
    public void A_device_can_be_filled_to_its_last_block()
    {
        using TestImage image = TestImage.Create(8 << 20);
        image.Change(fileSystem =>
        {
            int files = 0;
            for (; fileSystem.FreeBlocks > 4; files++) fileSystem.AddFile(Root, $"{files}", new byte[(int)Math.Min(5 * 4096, (fileSystem.FreeBlocks - 4) * 4096)]);
            Assert.True(files > 300);
        });

        // Every other file goes; one that takes all their room comes.
        image.Change(fileSystem =>
        {
            for (int i = 0; i < 300; i += 2) Assert.True(fileSystem.Remove(Root, new FileName($"{i}")));
            fileSystem.Flush();
            fileSystem.AddFile(Root, "scattered", Files.Bytes(1, (int)(fileSystem.FreeBlocks - 2) * 4096));
        });
        Assert.Equal(Files.Bytes(1, (int)image.Read().Find("scattered").Size), image.Read().ContentOf("scattered"));
        Assert.Throws<Ext4FullException>(() =>
        {
            Ext4FileSystem fileSystem = image.Open();
            for (int i = 0; i < 10_000; i++) fileSystem.AddFile(Root, $"more {i} {new string('x', 200)}");
            fileSystem.Flush();
        });
    }

    [Fact]
    public void Inodes_and_links_run_out_with_an_error_of_their_own()
    {
        using TestImage image = TestImage.Create(8 << 20);
        Ext4FileSystem fileSystem = image.Open();
        Assert.Contains("no inode is free of 512", Assert.Throws<Ext4FullException>(() =>
        {
            for (int i = 0; i < 1000; i++) fileSystem.AddFile(Root, $"{i}");
        }).Message, StringComparison.Ordinal);

        fileSystem = image.Open();
        uint file = fileSystem.AddFile(Root, "f");
        Assert.Contains("65000 names", Assert.Throws<Ext4FullException>(() =>
        {
            for (int i = 0; i < 70_000; i++) fileSystem.Link(Root, new FileName($"{i}"), file);
        }).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("inline_data", "inline_data")]
    [InlineData("casefold", "casefold")]
    [InlineData("encrypt", "encrypt")]
    [InlineData("bigalloc", "bigalloc")]
    [InlineData("ea_inode", "ea_inode")]
    [InlineData("large_dir", "large_dir")]
    [InlineData("meta_bg,^resize_inode", "meta_bg")]
    [InlineData("^extent,^64bit", "extent")]
    public void Features_that_are_not_implemented_are_refused_by_name(string features, string named)
    {
        using TestImage image = TestImage.CreateForeign(features);
        SluiceException error = Assert.Throws<SluiceException>(image.Open);
        Assert.Equal(SluiceError.Image, error.Error);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Throws<SluiceException>(image.Read);
    }

    [Fact]
    public void Other_shapes_and_states_are_refused()
    {
        using (TestImage small = TestImage.CreateForeign(null, TestImage.Small, "-b", "1024")) Assert.Contains("1024 bytes", Assert.Throws<SluiceException>(small.Open).Message, StringComparison.Ordinal);
        using (TestImage inodes = TestImage.CreateForeign("^extra_isize", TestImage.Small, "-I", "128")) Assert.Contains("128 bytes", Assert.Throws<SluiceException>(inodes.Open).Message, StringComparison.Ordinal);
        using TestImage image = TestImage.CreateForeign(null);
        E2fs.Debug(image.Path, "feature needs_recovery", write: true);
        Assert.Contains("journal", Assert.Throws<SluiceException>(image.Open).Message, StringComparison.Ordinal);
        E2fs.Debug(image.Path, "feature ^needs_recovery", write: true);
        E2fs.Debug(image.Path, "set_super_value state 0", write: true);
        Assert.Contains("e2fsck", Assert.Throws<SluiceException>(image.Open).Hint, StringComparison.Ordinal);
        Assert.NotEmpty(image.Read().Root.Entries!); // reading is harmless
    }
}
