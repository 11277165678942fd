using Sluice.Formats.Ext4;
using Sluice.Testing;
using Sluice.Testing.Ext4;

namespace Sluice.Build.Tests.OverlayBd;

/// <summary>Linux mounts what we wrote, changes it, and we go on from there. Needs root and loop devices.</summary>
public sealed class KernelMountTests
{
    private const string Changes = """
        mkdir -p grows kernel/deep
        for i in $(seq 1 1500); do echo $i > "grows/by the kernel $i"; done
        for i in $(seq 2 3 1500); do rm "grows/by the kernel $i"; done
        head -c 3000000 /dev/urandom > kernel/random
        ln kernel/random kernel/deep/hard
        ln -s $(printf 'x%.0s' $(seq 100)) kernel/long
        python3 -c "import os; [os.setxattr('kernel/random', 'user.k%d' % i, b'v' * 200) for i in range(5)]"
        cp --preserve=xattr kernel/random kernel/copy
        rm -rf usr
        truncate -s 100M kernel/sparse
        fallocate -l 1M kernel/unwritten
        """;

    [Fact]
    public void Linux_mounts_and_fills_a_device_of_the_default_size()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("image");
        using (var store = new FileBlockStore(path, Ext4FormatOptions.DefaultSize)) Ext4Formatter.Format(store, new Ext4FormatOptions());
        string[] seen = KernelView.Mount(path, writable: true, "mkdir d; for i in $(seq 500); do echo $i > d/$i; done; head -c 300M /dev/zero > big");
        Assert.Equal(502, seen.Length); // d, what is in it, and big
        E2fs.AssertClean(path);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    public void Linux_reads_our_layers_and_we_add_to_what_it_wrote(int seed, bool foreign)
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("image");
        if (foreign) E2fs.Make(path, 400L << 20, features: null);
        using var store = new FileBlockStore(path, 400L << 20);
        if (!foreign) Ext4Formatter.Format(store, new Ext4FormatOptions { Size = 400L << 20 });
        var random = new RandomLayers(seed);
        var model = new ImageModel();
        for (int layer = 0; layer < 4; layer++) LayerChainTests.ApplyLayer(store, model, random.Next(model.Root, 80));
        Assert.Equal(KernelView.Of(model.Root, model.ContentOf), KernelView.Mount(path, writable: false));

        string[] changed = KernelView.Mount(path, writable: true, Changes);
        E2fs.AssertClean(path);
        Ext4Image image = Ext4Reader.Read(store);
        model = ImageModel.From(image);
        Assert.Equal(KernelView.Of(model.Root, model.ContentOf), changed);
        for (int layer = 0; layer < 4; layer++)
        {
            LayerChainTests.ApplyLayer(store, model, random.Next(model.Root, 80));
            E2fs.AssertClean(path);
            model.AssertIs(Ext4Reader.Read(store), foreign);
        }

        Assert.Equal(KernelView.Of(model.Root, model.ContentOf), KernelView.Mount(path, writable: false));
    }
}
