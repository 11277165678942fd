using System.Globalization;
using Sluice.Formats.Ext4;
using Sluice.Formats.Trees;
using Sluice.Testing;
using Sluice.Testing.Ext4;

namespace Sluice.Build.Tests.OverlayBd;

/// <summary>
/// Random chains of layers in which others write, too: libext2fs and Linux change the file system in between, and we go on from that. After
/// every step <c>e2fsck -fn</c> is silent and the tree is the model's. <c>SLUICE_FUZZ_CHAINS</c> says how many chains (8 without it),
/// <c>SLUICE_FUZZ_SEED</c> with which seed they begin (1).
/// </summary>
public sealed class ChainFuzzTests
{
    private const long Size = 400L << 20;
    private const int Layers = 5;

    private static readonly string?[] Features =
    [
        null, "^metadata_csum,uninit_bg", "^has_journal,^metadata_csum,^flex_bg", "^has_journal,metadata_csum,64bit", "^dir_index,^has_journal", "^has_journal,^metadata_csum,sparse_super2,^resize_inode,uninit_bg",
    ];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(Number("SLUICE_FUZZ_SEED", 1), Number("SLUICE_FUZZ_CHAINS", 8))];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Chains_stay_sound_whoever_else_writes(int seed)
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("image");
        bool foreign = seed % 2 == 0;
        if (foreign) E2fs.Make(path, Size, Features[seed / 2 % Features.Length]);
        using var store = new FileBlockStore(path, Size);
        if (!foreign) Ext4Formatter.Format(store, new Ext4FormatOptions { Size = Size });
        ImageModel model = ImageModel.From(Ext4Reader.Read(store));
        var random = new RandomLayers(seed);
        for (int layer = 0; layer < Layers; layer++)
        {
            LayerChainTests.ApplyLayer(store, model, random.Next(model.Root, 30 + (layer * 20)));
            AssertSound(path, store, model, foreign);
            switch ((seed + layer) % 3)
            {
                case 1:
                    WriteWithLibext2fs(directory, path, layer);
                    model = Adopt(path, store);
                    Assert.Equal(File.ReadAllBytes(directory.File("content")), model.ContentOf(TreeWalk.Find(model.Root, new FileName($"by debugfs {layer}/file"))!));
                    break;
                case 2 when Environment.IsPrivilegedProcess:
                    string[] seen = KernelView.Mount(path, writable: true, KernelChanges(layer));
                    model = Adopt(path, store);
                    Assert.Equal(seen, KernelView.Of(model.Root, model.ContentOf));
                    break;
            }
        }

        if (Environment.IsPrivilegedProcess) Assert.Equal(KernelView.Of(model.Root, model.ContentOf), KernelView.Mount(path, writable: false));
    }

    private static ImageModel Adopt(string path, FileBlockStore store)
    {
        E2fs.AssertClean(path);
        return ImageModel.From(Ext4Reader.Read(store));
    }

    private static void AssertSound(string path, FileBlockStore store, ImageModel model, bool foreign)
    {
        E2fs.AssertClean(path);
        model.AssertIs(Ext4Reader.Read(store), foreign);
    }

    /// <summary>Files, directories, links, attributes and removals by debugfs, which is libext2fs.</summary>
    private static void WriteWithLibext2fs(TemporaryDirectory directory, string path, int layer)
    {
        string top = $"by debugfs {layer}", content = directory.File("content");
        byte[] bytes = new byte[250_000 + (layer * 7)];
        new Random(layer).NextBytes(bytes);
        File.WriteAllBytes(content, bytes);
        string script = directory.File("commands");
        List<string> commands = [$"mkdir \"{top}\"", $"cd \"/{top}\"", $"write {content} file", $"symlink long {new string('l', 90)}", "symlink short l", "mknod pipe p"];
        for (int i = 0; i < 120; i++) commands.Add($"write {content} \"{i} {new string('n', i)}\"");
        for (int i = 0; i < 120; i += 3) commands.Add($"rm \"{i} {new string('n', i)}\"");
        commands.Add($"ea_set file user.debugfs {new string('v', 300)}");
        File.WriteAllLines(script, commands);
        E2fs.DebugScript(path, script);
    }

    private static string KernelChanges(int round) => $$"""
        mkdir kernel{{round}} kernel{{round}}/deep
        for i in $(seq 1 700); do echo $i > "kernel{{round}}/by the kernel $i"; done
        for i in $(seq 2 3 700); do rm "kernel{{round}}/by the kernel $i"; done
        head -c {{300_000 + round}} /dev/urandom > kernel{{round}}/random
        ln kernel{{round}}/random kernel{{round}}/deep/hard
        ln -s $(printf 'x%.0s' $(seq 100)) kernel{{round}}/long
        python3 -c "import os; [os.setxattr('kernel{{round}}/random', 'user.k%d' % i, b'v' * 200) for i in range(5)]"
        truncate -s 100M kernel{{round}}/sparse
        fallocate -l 1M kernel{{round}}/unwritten
        for name in grows lib usr; do if [ -d $name ]; then ls -A $name | head -20 | while read -r file; do rm -rf "$name/$file"; done; echo new > $name/kernel{{round}}; fi; done
        rm -rf etc
        """;

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : otherwise;
}
