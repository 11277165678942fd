using Sluice.Containerd.Files;
using Sluice.Testing;
using Sluice.Testing.Runtime;

namespace Sluice.Containerd.Tests.Files;

public sealed class TreeTests
{
    /// <summary>Python can make names that are not UTF-8, links, holes and depths that .NET can't.</summary>
    private const string HostileTree = """
        import os, sys
        root = os.fsencode(sys.argv[1])
        os.makedirs(root + b"/a/b")
        open(root + b"/a/\xff\xfe latin \xe4", "wb").write(b"x" * 10000)
        open(root + b"/a/b/new\nline", "wb").close()
        os.link(root + b"/a/\xff\xfe latin \xe4", root + b"/a/b/second name")
        os.symlink(b"/etc", root + b"/a/etc")
        os.symlink(b"..", root + b"/a/b/up")
        with open(root + b"/holes", "wb") as f: f.truncate(1 << 30)
        os.mkfifo(root + b"/fifo")
        os.chdir(root)
        for i in range(int(sys.argv[2])):
            os.mkdir(b"d" * 100)
            os.chdir(b"d" * 100)
        """;

    [Fact]
    public async Task Usage_is_that_of_du()
    {
        using TemporaryDirectory directory = new();
        string tree = await MakeAsync(directory, depth: 5);
        (long size, long inodes) = TreeUsage.Measure(tree, CancellationToken.None);
        Assert.Equal(await DuAsync("-s", "--block-size=1", tree), size);
        Assert.Equal(await DuAsync("-s", "--inodes", tree), inodes);
        TreeRemoval.Remove(tree);
    }

    [Fact]
    public void Usage_of_nothing_is_nothing() => Assert.Equal((0, 0), TreeUsage.Measure("/nonexistent/tree", CancellationToken.None));

    [Theory]
    [InlineData(0)]
    [InlineData(64)]
    [InlineData(2000)]
    public async Task Any_tree_is_removed(int depth)
    {
        TemporaryDirectory directory = new();
        string tree = await MakeAsync(directory, depth);
        TreeUsage.Measure(tree, CancellationToken.None);
        TreeRemoval.Remove(tree);
        directory.Dispose();
        Assert.False(Directory.Exists(tree));
        Assert.True(File.Exists("/etc/passwd"));
    }

    private static async Task<string> MakeAsync(TemporaryDirectory directory, int depth)
    {
        string python = Command.Require("python3");
        string tree = directory.File("tree");
        (int exitCode, string output) = await Command.RunAsync(python, ["-c", HostileTree, tree, $"{depth}"]);
        Assert.True(exitCode == 0, output);
        return tree;
    }

    private static async Task<long> DuAsync(params string[] arguments)
    {
        (int exitCode, string output) = await Command.RunAsync(Command.Require("du"), arguments);
        Assert.True(exitCode == 0, output);
        return long.Parse(output.Split('\t')[0], System.Globalization.CultureInfo.InvariantCulture);
    }
}
