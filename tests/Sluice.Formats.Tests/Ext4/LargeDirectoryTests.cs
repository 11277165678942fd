using Sluice.Formats.Ext4;
using Sluice.Formats.Trees;
using Sluice.Testing.Ext4;

namespace Sluice.Formats.Tests.Ext4;

public sealed class LargeDirectoryTests
{
    private const uint Root = Ext4FileSystem.Root;

    [Theory]
    [InlineData(200, 10)]
    [InlineData(5_000, 40)]
    [InlineData(30_000, 20)]
    [InlineData(20_000, 240)]
    public void A_directory_built_at_once_is_indexed_and_in_one_run(int count, int nameLength)
    {
        using TestImage image = TestImage.Create(1L << 30);
        image.Change(fileSystem => Add(fileSystem, fileSystem.AddDirectory(Root, "d"), 0, count, nameLength));
        AssertHas(image, Enumerable.Range(0, count), nameLength);
        if (count > 200) Assert.Contains("Root node dump", HashTreeOf(image), StringComparison.Ordinal);
        Assert.Contains("EXTENTS:\n(0", E2fs.Debug(image.Path, "stat /d"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, 20, 2000)]
    [InlineData("", 100, 1500)]
    [InlineData("^has_journal,metadata_csum", 30, 2000)]
    [InlineData("^dir_index,^has_journal", 30, 500)]
    public void A_directory_that_grows_and_shrinks_in_steps_stays_sound(string? features, int nameLength, int step)
    {
        using TestImage image = features is null ? TestImage.Create(1L << 30) : TestImage.CreateForeign(features.Length == 0 ? null : features, 1L << 30);
        var names = new HashSet<int>();
        image.Change(fileSystem => fileSystem.AddDirectory(Root, "d"));
        for (int round = 0; round < 8; round++)
        {
            image.Change(fileSystem =>
            {
                Assert.True(fileSystem.TryFind(Root, new FileName("d"), out uint directory));
                int first = round * step, count = round % 2 == 0 ? step : 20;
                Add(fileSystem, directory, first, count, nameLength);
                for (int i = first; i < first + count; i++) names.Add(i);
                foreach (int gone in names.Where(i => i % 7 == round).ToArray())
                {
                    Assert.True(fileSystem.Remove(directory, Name(gone, nameLength)));
                    Assert.False(fileSystem.TryFind(directory, Name(gone, nameLength), out _));
                    names.Remove(gone);
                }
            });
            AssertHas(image, names, nameLength);
        }
    }

    [Fact]
    public void A_small_change_of_a_large_directory_touches_few_blocks()
    {
        using TestImage image = TestImage.Create(1L << 30);
        image.Change(fileSystem => Add(fileSystem, fileSystem.AddDirectory(Root, "d"), 0, 30_000, 20));
        (long read, long written) = (image.Store.BlocksRead, image.Store.MetadataBlocksWritten);
        image.Change(fileSystem =>
        {
            Assert.True(fileSystem.TryFind(Root, new FileName("d"), out uint directory));
            Add(fileSystem, directory, 30_000, 1, 20);
            Assert.True(fileSystem.Remove(directory, Name(5, 20)));
        });
        Assert.InRange(image.Store.BlocksRead - read, 1, 16);
        Assert.InRange(image.Store.MetadataBlocksWritten - written, 1, 14);
        AssertHas(image, Enumerable.Range(0, 30_001).Except([5]), 20);
    }

    [Fact]
    public void A_directory_with_more_subdirectories_than_links_can_count_has_link_count_1()
    {
        using TestImage image = TestImage.Create(2L << 30, options => options with { BytesPerInode = 8192 });
        image.Change(fileSystem =>
        {
            uint directory = fileSystem.AddDirectory(Root, "d");
            for (int i = 0; i < 65_010; i++) fileSystem.AddDirectory(directory, $"{i}");
        });
        Assert.Contains("Links: 1 ", E2fs.Debug(image.Path, "stat /d"), StringComparison.Ordinal);
        Assert.Equal(65_010, image.Read().Find("d").Entries!.Count);
        image.Change(fileSystem =>
        {
            Assert.True(fileSystem.TryFind(Root, new FileName("d"), out uint directory));
            for (int i = 0; i < 65_000; i++) Assert.True(fileSystem.Remove(directory, new FileName($"{i}")));
        });
        Assert.Equal(10, image.Read().Find("d").Entries!.Count);
    }

    [Fact]
    public void An_index_of_two_levels_finds_and_grows()
    {
        const int Count = 11_000, Length = 250;
        using TestImage image = TestImage.Create(1L << 30, options => options with { BytesPerInode = 8192 });
        image.Change(fileSystem =>
        {
            uint directory = fileSystem.AddDirectory(Root, "d"), file = fileSystem.AddFile(Root, "f");
            for (int i = 0; i < Count; i++) fileSystem.Link(directory, Name(i, Length), file);
        });
        Assert.Contains("Indirect Levels: 1", HashTreeOf(image).Replace("levels", "Levels", StringComparison.Ordinal), StringComparison.Ordinal);
        image.Change(fileSystem =>
        {
            Assert.True(fileSystem.TryFind(Root, new FileName("d"), out uint directory));
            Assert.True(fileSystem.TryFind(Root, new FileName("f"), out uint file));
            for (int i = Count; i < Count + 6000; i++) fileSystem.Link(directory, Name(i, Length), file);
            for (int i = 0; i < Count; i += 10) Assert.True(fileSystem.TryFind(directory, Name(i, Length), out _));
        });
        AssertHas(image, Enumerable.Range(0, Count + 6000), Length);
    }

    private static string HashTreeOf(TestImage image) => E2fs.Debug(image.Path, "htree_dump /d");

    private static void Add(Ext4FileSystem fileSystem, uint directory, int first, int count, int nameLength)
    {
        for (int i = first; i < first + count; i++)
        {
            Assert.False(fileSystem.TryFind(directory, Name(i, nameLength), out _));
            fileSystem.Link(directory, Name(i, nameLength), fileSystem.Create(Files.Plain()));
        }
    }

    private static FileName Name(int number, int length) => new($"{number}".PadRight(length, 'x'));

    private static void AssertHas(TestImage image, IEnumerable<int> names, int nameLength) =>
        Assert.Equal(names.Select(i => Name(i, nameLength)).Order(), image.Read().Find("d").Entries!.Keys);
}
