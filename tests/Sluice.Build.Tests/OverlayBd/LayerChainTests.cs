using Sluice.Build.OverlayBd;
using Sluice.Formats.Ext4;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Testing;
using Sluice.Testing.Ext4;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.OverlayBd;

/// <summary>Random layers on our own and on foreign file systems; e2fsck after every one, everything compared with the model.</summary>
public sealed class LayerChainTests
{
    /// <summary>The large ones once failed: directories that entries below them replace, through links.</summary>
    public static readonly TheoryData<int> Seeds = [.. Enumerable.Range(1, 20), 1203, 1219, 1250];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Layers_give_the_tree_that_merging_in_memory_gives(int seed)
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("image");
        using (var store = new FileBlockStore(path, 400L << 20)) Ext4Formatter.Format(store, new Ext4FormatOptions { Size = 400L << 20 });
        ApplyChain(seed, path, layers: 6);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("^metadata_csum,uninit_bg")]
    [InlineData("^metadata_csum,^uninit_bg,^flex_bg,^resize_inode,^64bit")]
    [InlineData("^has_journal,^metadata_csum,uninit_bg,sparse_super2,^resize_inode,64bit")]
    [InlineData("^has_journal,^metadata_csum,^uninit_bg,^dir_index,^dir_nlink,^large_file,^huge_file")]
    [InlineData("^has_journal,metadata_csum,metadata_csum_seed,64bit")]
    [InlineData(null, "-E", "hash_seed=00112233-4455-6677-8899-aabbccddeeff")]
    [InlineData("^has_journal,^metadata_csum", "-G", "1")]
    public void So_do_layers_on_file_systems_that_mke2fs_made(string? features, params string[] more)
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("image");
        E2fs.Make(path, 400L << 20, features, [.. more, "-E", "root_owner=0:0,lazy_itable_init=1"]);
        ApplyChain(100 + (features?.Length ?? 0), path, layers: 6, foreign: true);
    }

    [Theory]
    [InlineData("legacy", "signed")]
    [InlineData("half_md4", "unsigned")]
    [InlineData("tea", "signed")]
    [InlineData("tea", "unsigned")]
    public void So_do_layers_whatever_the_hash(string hash, string sign)
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("image");
        E2fs.Make(path, 400L << 20, null);
        E2fs.Debug(path, $"set_super_value def_hash_version {hash}", write: true);
        E2fs.Debug(path, $"set_super_value flags {(sign == "signed" ? 1 : 2)}", write: true);
        ApplyChain(7, path, layers: 4, foreign: true);
    }

    [Fact]
    public void Links_that_lead_back_may_replace_what_a_layer_is_in()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("image");
        using var store = new FileBlockStore(path, 64L << 20);
        Ext4Formatter.Format(store, new Ext4FormatOptions { Size = 64L << 20 });
        var model = new ImageModel();
        ApplyLayer(store, model, new TestLayer().Directory("a").Directory("a/b").Link("a/b/up", "/").Directory("d").Link("l", "d").ToTar());
        ApplyLayer(store, model, new TestLayer()
            .File("a/b/up/a", "now a file").File("a/b/zz", "lost with the directory").Directory("a/c")
            .File("d/f", "hidden by its own layer").HardLink("z", "d/f").Whiteout("l/f").Directory("new").File("new/x", "x").ToTar());
        E2fs.AssertClean(path);
        model.AssertIs(Ext4Reader.Read(store));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_opaque_root_leaves_what_belongs_to_the_file_system(bool foreign)
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("image");
        if (foreign) E2fs.Make(path, 64L << 20, features: null);
        using var store = new FileBlockStore(path, 64L << 20);
        if (!foreign) Ext4Formatter.Format(store, new Ext4FormatOptions { Size = 64L << 20 });
        Apply(store, new TestLayer().File("a", "1").Directory("d").File("d/b").Directory("lost+found").ToTar());
        Apply(store, new TestLayer().Opaque("").File("x").ToTar());
        E2fs.AssertClean(path);
        Assert.Equal(foreign ? ["lost+found", "x"] : ["x"], Ext4Reader.Read(store).Root.Entries!.Keys.Select(name => name.ToString()));
    }

    [Fact]
    public void A_small_layer_reads_few_blocks_and_writes_fewer()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("image");
        using var store = new FileBlockStore(path, 64L << 30);
        Ext4Formatter.Format(store, new Ext4FormatOptions());
        var first = new TestLayer().Directory("usr").Directory("usr/share");
        for (int i = 0; i < 3000; i++) first.File($"usr/share/file {i}", "content");
        Apply(store, first.ToTar());
        (long read, long metadata, long data) = (store.BlocksRead, store.MetadataBlocksWritten, store.DataBlocksWritten);
        Apply(store, new TestLayer().Directory("usr/share/new").File("usr/share/new/file", new byte[10_240]).Whiteout("usr/share/file 7").ToTar());
        Assert.InRange(store.BlocksRead - read, 1, 16);
        Assert.InRange(store.MetadataBlocksWritten - metadata, 1, 12);
        Assert.Equal(3, store.DataBlocksWritten - data);
        E2fs.AssertClean(path);
    }

    private static void ApplyChain(int seed, string path, int layers, bool foreign = false)
    {
        var random = new RandomLayers(seed);
        var model = new ImageModel();
        using var store = new FileBlockStore(path);
        model.Root.Mode = 0x1ED;
        model.Root.ModificationTime = Ext4Reader.Read(store).Root.ModificationTime;
        for (int layer = 0; layer < layers; layer++)
        {
            ApplyLayer(store, model, random.Next(model.Root, 30 + (layer * 20)));
            E2fs.AssertClean(path);
            model.AssertIs(Ext4Reader.Read(store), foreign);
        }

        Assert.True(TreeWalk.DepthFirst(model.Root).Count(entry => !entry.Path.Bytes.StartsWith("/grows"u8)) > 20);
    }

    internal static void ApplyLayer(FileBlockStore store, ImageModel model, byte[] tar)
    {
        IReadOnlyList<FileName> dangling = model.Apply(tar);
        Assert.Equal(dangling.Order(), Apply(store, tar).Order());
    }

    private static IReadOnlyList<FileName> Apply(FileBlockStore store, byte[] layer)
    {
        var applier = new Ext4LayerApplier(Ext4FileSystem.Open(store));
        using var tar = new TarReader(new MemoryStream(layer));
        while (tar.ReadEntry() is { } entry) applier.Add(tar, entry);
        return applier.Finish();
    }
}
