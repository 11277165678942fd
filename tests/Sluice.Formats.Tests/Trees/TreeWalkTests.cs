using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Trees;

public sealed class TreeWalkTests
{
    private static readonly Inode Shared = new() { Type = FileType.Regular };
    private static readonly Inode Root = Make();

    [Fact]
    public void Names_come_depth_first_in_bytewise_order() =>
        Assert.Equal(["/", "/a", "/a/b", "/a/b/c", "/a/shared", "/a-", "/z"], TreeWalk.DepthFirst(Root).Select(entry => entry.Path.ToString()));

    [Fact]
    public void Depth_counts_components() => Assert.Equal([0, 1, 2, 3, 2, 1, 1], TreeWalk.DepthFirst(Root).Select(entry => entry.Depth));

    [Fact]
    public void Inodes_come_once() => Assert.Equal(6, TreeWalk.Inodes(Root).Count());

    [Theory]
    [InlineData("/a/b/c", true)]
    [InlineData("a//b/", true)]
    [InlineData("/", true)]
    [InlineData("", true)]
    [InlineData("/a/x", false)]
    [InlineData("/z/x", false)]
    [InlineData("/a/../z", false)]
    public void Paths_lead_to_inodes(string path, bool exists) => Assert.Equal(exists, TreeWalk.Find(Root, new FileName(path)) is not null);

    [Fact]
    public void Links_are_counted()
    {
        IReadOnlyDictionary<Inode, uint> links = TreeWalk.CountLinks(Root);
        Assert.Equal(3u, links[Root]);
        Assert.Equal(3u, links[TreeWalk.Find(Root, new FileName("/a"))!]);
        Assert.Equal(2u, links[Shared]);
    }

    [Fact]
    public void Depth_costs_no_stack()
    {
        Inode root = Inode.NewDirectory(), last = root;
        for (int i = 0; i < 20_000; i++) last.Entries!.Add(new FileName("d"), last = Inode.NewDirectory());
        Assert.Equal(20_001, TreeWalk.Inodes(root).Count());
        Assert.Equal(20_000, TreeWalk.DepthFirst(root).Max(entry => entry.Depth));
    }

    private static Inode Make()
    {
        Inode root = Inode.NewDirectory(), a = Inode.NewDirectory(), b = Inode.NewDirectory();
        root.Entries!.Add(new FileName("z"), Shared);
        root.Entries.Add(new FileName("a"), a);
        root.Entries.Add(new FileName("a-"), new Inode { Type = FileType.Fifo });
        a.Entries!.Add(new FileName("b"), b);
        a.Entries.Add(new FileName("shared"), Shared);
        b.Entries!.Add(new FileName("c"), new Inode { Type = FileType.Socket });
        return root;
    }
}
