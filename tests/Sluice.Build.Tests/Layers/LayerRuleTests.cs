using Sluice.Build.Layers;
using Sluice.Formats;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Layers;

/// <summary>The rules of OCI image-spec 1.1, layer.md, and what containerd does where the specification is silent.</summary>
public class LayerRuleTests
{
    [Fact]
    public void A_layer_of_more_files_than_memory_is_refused()
    {
        var builder = new LayerTreeBuilder(maxInodes: 10);
        builder.Add(File("a/b/c/d/e/f/g/h/i")); // eight directories and a file
        builder.Add(File("a/x"));
        InvalidFormatException error = Assert.Throws<InvalidFormatException>(() => builder.Add(File("a/y")));
        Assert.Contains("'a/y': the layer has more than 10 files and directories", error.Message, StringComparison.Ordinal);

        static TarEntry File(string path) => new() { Path = new FileName(path), Type = TarEntryType.Regular };
    }

    [Fact]
    public void A_layer_of_attributes_without_end_is_refused()
    {
        var builder = new LayerTreeBuilder();
        var entry = new TarEntry { Path = new FileName("a"), Type = TarEntryType.Regular, ExtendedAttributes = [new ExtendedAttribute(new FileName("user.a"), new byte[60_000])] };
        InvalidFormatException error = Assert.Throws<InvalidFormatException>(() =>
        {
            for (int i = 0; i < 10_000; i++) builder.Add(entry);
        });
        Assert.Contains("more than 512 MiB", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whiteouts_in_the_lowest_layer_disappear()
    {
        Inode root = Merge(l => l.File("a").Whiteout("a").Whiteout("b").Directory("d").Opaque("d").File("d/x"));
        Assert.Equal(["a", "d", "d/x"], Paths(root));
    }

    [Fact]
    public void A_whiteout_removes_what_lies_below_and_not_what_its_own_layer_has()
    {
        Inode root = Merge(
            l => l.File("a", "old").Directory("d").File("d/x").File("b"),
            l => l.File("a", "new!").Whiteout("a").Whiteout("d").Whiteout("b").File("d/y"));
        Assert.Equal(["a", "d", "d/y"], Paths(root));
        Assert.Equal(4, Find(root, "a").Size);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_opaque_mark_hides_lower_entries_only_wherever_it_stands(bool first)
    {
        Inode root = Merge(
            l => l.Directory("d", 0x1C0, 7).File("d/lower").Directory("d/sub").File("d/sub/x"),
            l =>
            {
                if (first) l.Opaque("d");
                l.File("d/upper");
                if (!first) l.Opaque("d");
            });
        Assert.Equal(["d", "d/upper"], Paths(root));
        Assert.Equal(7u, Find(root, "d").UserId); // implicit in the upper layer: the lower attributes stay
    }

    [Fact]
    public void An_opaque_root_hides_everything()
    {
        Assert.Equal(["x"], Paths(Merge(l => l.File("a").Directory("d").File("d/b"), l => l.Opaque("").File("x"))));
    }

    [Fact]
    public void Types_change_in_both_directions()
    {
        Inode root = Merge(
            l => l.Directory("d").File("d/x").File("f").Link("l", "d").File("g"),
            l => l.File("d", "now a file").Directory("f").File("f/y").Directory("l").File("l/z").Link("g", "f"));
        Assert.Equal(["d", "f", "f/y", "g", "l", "l/z"], Paths(root));
        Assert.Equal(FileType.Regular, Find(root, "d").Type);
        Assert.Equal(FileType.Directory, Find(root, "l").Type);
        Assert.Equal(FileType.SymbolicLink, Find(root, "g").Type);
    }

    [Fact]
    public void An_explicit_directory_brings_its_attributes_and_keeps_lower_entries()
    {
        Inode root = Merge(l => l.Directory("d", 0x1C0, 1, ("user.a", "1")).File("d/x"), l => l.Directory("d", 0x1FF, 2));
        Inode directory = Find(root, "d");
        Assert.Equal((0x1FF, 2u, 0), (directory.Mode, directory.UserId, directory.ExtendedAttributes.Count));
        Assert.Equal(["d", "d/x"], Paths(root));
    }

    [Fact]
    public void The_root_entry_sets_the_root_and_its_absence_leaves_it()
    {
        Inode root = Merge(l => l.Directory("", 0x16D, 5), l => l.File("a"));
        Assert.Equal((0x16D, 5u), (root.Mode, root.UserId));
        Assert.Equal((0x1ED, 0u), (Merge(l => l.File("a")).Mode, Merge(l => l.File("a")).UserId));
    }

    [Fact]
    public void Missing_parents_lose_nothing()
    {
        Inode root = Merge(l => l.File("a/b/c", "1"), l => l.File("a/b/d", "2").Directory("a", 0x1C0, 9));
        Assert.Equal(["a", "a/b", "a/b/c", "a/b/d"], Paths(root));
        Assert.Equal(9u, Find(root, "a").UserId);
    }

    [Fact]
    public void Entries_below_a_linked_directory_go_where_the_link_leads()
    {
        Inode root = Merge(
            l => l.Directory("usr").Directory("usr/lib").File("usr/lib/a").Link("lib", "usr/lib").Link("abs", "/usr"),
            l => l.File("lib/b").File("abs/lib/c").Whiteout("lib/a"));
        Assert.Equal(["abs", "lib", "usr", "usr/lib", "usr/lib/b", "usr/lib/c"], Paths(root));
        Assert.Equal(["l", "usr", "usr/x"], Paths(Merge(l => l.Link("l", "usr").File("l/x"))));
    }

    [Fact]
    public void Links_never_lead_out_of_the_image_or_in_circles()
    {
        Assert.Equal(["etc", "etc/x", "l"], Paths(Merge(l => l.Link("l", "../../../etc").File("l/x"))));
        Assert.Throws<InvalidFormatException>(() => Merge(l => l.Link("a", "b").Link("b", "a").File("a/x")));
    }

    [Fact]
    public void Hard_links_join_names_within_and_across_layers()
    {
        Inode root = Merge(
            l => l.File("a", "1").HardLink("b", "a"),
            l => l.HardLink("c", "a").HardLink("d", "c").HardLink("x/e", "d").File("a", "new"));
        Assert.Same(Find(root, "b"), Find(root, "c"));
        Assert.Same(Find(root, "b"), Find(root, "d"));
        Assert.Same(Find(root, "b"), Find(root, "x/e"));
        Assert.Equal(3, Find(root, "a").Size);
        Assert.Equal(1, Find(root, "b").Size);
    }

    [Fact]
    public void A_hard_link_to_nothing_is_reported_and_left_out()
    {
        var merger = new TreeMerger();
        Assert.Equal(["nowhere"], merger.Apply(Build(l => l.HardLink("a", "nowhere").File("b"))).Select(p => p.ToString()));
        Assert.Equal(["b"], Paths(merger.Root));
    }

    [Fact]
    public void Devices_fifos_and_their_numbers_pass()
    {
        Inode root = Merge(l => l.Device("n", TarEntryType.CharacterDevice, 1, 3).Device("b", TarEntryType.BlockDevice, 259, 70_000).Fifo("p"));
        Assert.Equal(new DeviceNumber(1, 3), Find(root, "n").Device);
        Assert.Equal(new DeviceNumber(259, 70_000), Find(root, "b").Device);
        Assert.Equal(FileType.Fifo, Find(root, "p").Type);
    }

    [Fact]
    public void Notes_of_overlayfs_do_not_pass()
    {
        Inode root = Merge(l => l.Directory("d", 0x1ED, 0, ("trusted.overlay.opaque", "y"), ("user.overlay.redirect", "/x"), ("user.mine", "1")));
        Assert.Equal(["user.mine"], Find(root, "d").ExtendedAttributes.Select(a => a.Name.ToString()));
    }

    [Fact]
    public void The_last_entry_of_a_name_wins()
    {
        Inode root = Merge(l => l.File("a", "1").File("a", "22").Directory("d").File("d/x").File("d", "333"));
        Assert.Equal(["a", "d"], Paths(root));
        Assert.Equal((2, 3), (Find(root, "a").Size, Find(root, "d").Size));
    }

    [Fact]
    public void A_hard_link_to_a_directory_and_an_overlong_name_are_refused()
    {
        Assert.Throws<InvalidFormatException>(() => Merge(l => l.Directory("d").HardLink("e", "d")));
        Assert.Throws<InvalidFormatException>(() => Merge(l => l.File(new string('n', 256))));
        Assert.Equal([new string('n', 255)], Paths(Merge(l => l.File(new string('n', 255)))));
    }

    private static Inode Merge(params Action<TestLayer>[] layers)
    {
        var merger = new TreeMerger();
        foreach (Action<TestLayer> layer in layers) Assert.Empty(merger.Apply(Build(layer)));
        return merger.Root;
    }

    private static LayerTree Build(Action<TestLayer> build)
    {
        var layer = new TestLayer();
        build(layer);
        using var tar = new TarReader(new MemoryStream(layer.ToTar()));
        var builder = new LayerTreeBuilder();
        while (tar.ReadEntry() is { } entry) builder.Add(entry);
        return builder.Tree;
    }

    private static Inode Find(Inode root, string path) => TreeWalk.Find(root, new FileName(path))!;

    private static string[] Paths(Inode root) => [.. TreeWalk.DepthFirst(root).Skip(1).Select(entry => entry.Path.ToString()[1..])];
}
