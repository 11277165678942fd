using System.Security.Cryptography;
using Sluice.Formats.Ext4;
using Sluice.Formats.Trees;
using Sluice.Testing.Ext4;

namespace Sluice.Formats.Tests.Ext4;

public sealed class Ext4FormatterTests
{
    [Theory]
    [InlineData(1L << 20)]
    [InlineData(3L << 20)]
    [InlineData(64L << 20)]
    [InlineData(128L << 20)]
    [InlineData((128L << 20) + 4096)]
    [InlineData((300L << 20) + 40960)]
    [InlineData(10L << 30)]
    [InlineData(64L << 30)]
    [InlineData(1L << 40)]
    public void A_new_file_system_is_clean_at_any_size(long size)
    {
        using TestImage image = TestImage.Create(size);
        E2fs.AssertClean(image.Path);
        Ext4Image read = image.Read();
        Assert.Equal(["/"], TreeWalk.DepthFirst(read.Root).Select(entry => entry.Path.ToString()));
        Assert.Equal((0x1ED, 1_700_000_000L), (read.Root.Mode, read.Root.ModificationTime.Seconds));
    }

    [Fact]
    public void A_device_of_64_gibibytes_costs_about_70_kibibytes()
    {
        using var directory = new Sluice.Testing.TemporaryDirectory();
        using var store = new FileBlockStore(directory.File("image"), 64L << 30);
        Ext4Formatter.Format(store, new Ext4FormatOptions());
        Assert.InRange(store.MetadataBlocksWritten, 10, 18);
        Assert.Equal((0, 0), (store.DataBlocksWritten, store.BlocksRead));
    }

    [Fact]
    public void Identity_and_times_are_the_callers_and_the_rest_is_always_the_same()
    {
        static Ext4FormatOptions Options(Ext4FormatOptions options) => options with { Uuid = new Guid("12345678-9abc-def0-1234-56789abcdef0"), HashSeed = new Guid("00112233-4455-6677-8899-aabbccddeeff") };
        using TestImage first = TestImage.Create(change: Options), second = TestImage.Create(change: Options);
        Assert.Equal(SHA256.HashData(File.ReadAllBytes(first.Path)), SHA256.HashData(File.ReadAllBytes(second.Path)));
        string dump = E2fs.Dump(first.Path);
        Assert.Contains("12345678-9abc-def0-1234-56789abcdef0", dump, StringComparison.Ordinal);
        Assert.Contains("00112233-4455-6677-8899-aabbccddeeff", dump, StringComparison.Ordinal);
        Assert.Contains("Filesystem created:       Tue Nov 14 22:13:20 2023", dump, StringComparison.Ordinal);
        Assert.Contains("ext_attr dir_index sparse_super2 filetype extent flex_bg sparse_super large_file huge_file uninit_bg dir_nlink extra_isize", dump, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(4096L)]
    [InlineData((64L << 20) + 1)]
    [InlineData(1L << 44)]
    public void Impossible_sizes_are_refused(long size)
    {
        using var directory = new Sluice.Testing.TemporaryDirectory();
        using var store = new FileBlockStore(directory.File("image"), 64L << 20);
        Assert.Equal(SluiceError.Usage, Assert.Throws<SluiceException>(() => Ext4Formatter.Format(store, new Ext4FormatOptions { Size = size })).Error);
    }
}
