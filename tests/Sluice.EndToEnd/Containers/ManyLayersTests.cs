using System.Text;
using Sluice.EndToEnd.Harness;
using Sluice.Formats.Oci;
using Sluice.Formats.Trees;
using Sluice.Storage.Sources;
using Sluice.Testing.Images;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Containers;

/// <summary>An image of many layers, each of which writes files over, removes some and renews directories.</summary>
public sealed class ManyLayersTests
{
    private const int Layers = 70;

    private static readonly string[] Applets = ["sh", "find", "sha256sum", "sort"];

    [Theory]
    [InlineData("rafs")]
    [InlineData("overlaybd")]
    public async Task A_container_on_seventy_layers_reads_the_flattened_tree(string format)
    {
        await using TestNode node = await TestNode.StartAsync();
        SortedDictionary<string, string> expected = new(StringComparer.Ordinal);
        TestImage image = Make(expected);
        ImageReference ordinary = ImageReference.Parse(node.Image("many:v1"));
        await using (IImageStore store = ImageStores.Open(ordinary, new SourceOptions())) await image.StoreAsync(store, ordinary.Tag);

        string converted = node.Image($"many:{format}");
        (await SluiceProgram.RunAsync("convert", "--format", format, $"{ordinary}", converted)).Succeeds();
        await node.PullAsync(converted);
        string read = await node.RunAsync(converted, "many", "/bin/sh", "-c", "cd /tree && find . -type f -exec sha256sum {} + | sort -k 2; find . -type d -empty");
        Assert.Equal(string.Concat(expected.Select(file => $"{Digest.Sha256(Encoding.UTF8.GetBytes(file.Value)).Hex}  ./{file.Key}\n")) + "./emptied\n", read);
    }

    /// <param name="tree">Gets the files below <c>/tree</c> as the topmost layer leaves them: path, content.</param>
    private static TestImage Make(SortedDictionary<string, string> tree)
    {
        TestImage image = new TestImage().Layer(layer =>
        {
            foreach (string directory in (string[])["bin", "dev", "proc", "run", "sys", "tmp", "tree", "tree/emptied", "tree/renewed"]) layer.Directory(directory);
            layer.File(new FileName("bin/busybox"), File.ReadAllBytes(Command.Require("busybox")), 0x1ED);
            foreach (string applet in Applets) layer.Link("bin/" + applet, "busybox");
        });
        for (int number = 1; number < Layers; number++) image.Layer(layer => Fill(layer, number, tree));
        return image;
    }

    private static void Fill(TestLayer layer, int number, SortedDictionary<string, string> tree)
    {
        void Write(string path)
        {
            tree[path] = $"{path} of layer {number}\n";
            layer.File("tree/" + path, tree[path]);
        }

        void Remove(string path)
        {
            Assert.True(tree.Remove(path));
            layer.Whiteout("tree/" + path);
        }

        if (number % 10 == 0) // everything below is gone, but for what this layer has itself
        {
            layer.Directory("tree/renewed").Opaque("tree/renewed");
            foreach (string path in tree.Keys.Where(path => path.StartsWith("renewed/", StringComparison.Ordinal)).ToList()) tree.Remove(path);
        }

        foreach (string path in (string[])["always", $"every/{number % 7}", $"own/{number}", $"renewed/{number}"]) Write(path);
        if (number > 1) Remove($"emptied/{number - 1}");
        if (number < Layers - 1) Write($"emptied/{number}");
        if (number % 3 == 0) Remove($"own/{number - 2}");
    }
}
