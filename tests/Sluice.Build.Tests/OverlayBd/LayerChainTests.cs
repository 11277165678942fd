using Sluice.Build.OverlayBd;
using Sluice.Formats.Ext4;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Testing;
using Sluice.Testing.Ext4;

namespace Sluice.Build.Tests.OverlayBd;

/// <summary>Random layers on our own and on foreign file systems; e2fsck after every one, everything compared with the model.</summary>
public sealed class LayerChainTests
{
    public static readonly TheoryData<int> Seeds = [.. Enumerable.Range(1, 20)];

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
        ApplyChain(100 + (features?.Length ?? 0), path, layers: 6);
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
        ApplyChain(7, path, layers: 4);
    }

    private static void ApplyChain(int seed, string path, int layers)
    {
        var random = new RandomLayers(seed);
        var model = new ImageModel();
        using var store = new FileBlockStore(path);
        model.Root.Mode = 0x1ED;
        model.Root.ModificationTime = Ext4Reader.Read(store).Root.ModificationTime;
        for (int layer = 0; layer < layers; layer++)
        {
            byte[] tar = random.Next(model.Root, 30 + (layer * 20));
            IReadOnlyList<FileName> dangling = model.Apply(tar);
            Assert.Equal(dangling.Order(), Apply(store, tar).Order());
            E2fs.AssertClean(path);
            model.AssertIs(Ext4Reader.Read(store));
        }
    }

    private static IReadOnlyList<FileName> Apply(FileBlockStore store, byte[] layer)
    {
        var applier = new Ext4LayerApplier(Ext4FileSystem.Open(store));
        using var tar = new TarReader(new MemoryStream(layer));
        while (tar.ReadEntry() is { } entry) applier.Add(tar, entry);
        return applier.Finish();
    }
}
