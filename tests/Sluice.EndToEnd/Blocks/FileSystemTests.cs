using Sluice.EndToEnd.Harness;
using Sluice.EndToEnd.Trees;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Testing.Images;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Blocks;

/// <summary>
/// Block images of two layers with other file systems than ext4, which Debian's tools and the kernel made. What is on the device counts, whatever
/// the annotations say.
/// </summary>
public sealed class FileSystemTests
{
    private const string Tree = """
        mkdir -p "$0/tree/a/b" "$0/tree/empty" && cd "$0/tree"
        head -c 3000000 "$1" > a/large && ln a/large a/b/link && ln -s ../a/large a/b/symbolic
        for i in $(seq 700); do echo "$i" > "a/b/file-with-a-name-$i"; done
        truncate -s 900000 a/sparse && echo end >> a/sparse
        mkfifo a/fifo && mknod a/device c 5 1 && chmod 4711 a/large && chown -h 70000:80000 a/b/symbolic a/b/file-with-a-name-7
        setfattr -n user.colour -v blue a/b/file-with-a-name-8 && touch -d @1000000000.123456789 a/b/file-with-a-name-9
        """;

    private const string Change = """
        rm -r empty a/b/file-with-a-name-1?? && echo changed > a/b/file-with-a-name-2 && mkdir -p new/dir && head -c 200000 "$1" > new/dir/file
        """;

    private const string Xfs = $$"""
        set -e
        {{Tree}}
        cd "$0" && mkdir fs && truncate -s 320M upper && mkfs.xfs -q upper
        mount -o loop upper fs && cp -a tree/. fs && umount fs && cp --sparse=always upper lower
        mount -o loop upper fs && cd fs
        {{Change}}
        cd "$0" && rm -r tree && cp -a fs tree && umount fs
        """;

    private const string Erofs = $$"""
        set -e
        {{Tree}}
        mkfs.erofs --quiet "$0/lower" "$0/tree"
        {{Change}}
        mkfs.erofs --quiet -zlz4 "$0/upper" "$0/tree"
        truncate -s 8M "$0/lower" "$0/upper"
        """;

    [Theory]
    [InlineData("xfs", Xfs, "ext4")]
    [InlineData("xfs", Xfs, null)]
    [InlineData("erofs", Erofs, "ext4;noload")]
    [InlineData("erofs", Erofs, null)]
    public async Task The_file_system_that_is_there_is_mounted(string type, string script, string? annotation)
    {
        TestMachine.RequireMounts();
        Command.Require($"mkfs.{type}");
        if (!File.ReadLines("/proc/filesystems").Any(line => line.EndsWith($"\t{type}", StringComparison.Ordinal))) Assert.Skip($"this kernel has no {type}");
        using Workspace workspace = new();
        string made = workspace.MakeDirectory("made");
        (int exitCode, string output) = await Command.RunAsync("/bin/sh", ["-c", script, made, Command.Require("busybox")]);
        Assert.True(exitCode == 0, output);
        byte[] lower = File.ReadAllBytes(Path.Combine(made, "lower")), upper = File.ReadAllBytes(Path.Combine(made, "upper"));
        string image = $"oci:{workspace.File("image")}:v1";
        ImageReference name = ImageReference.Parse(image);
        await using (IImageStore store = ImageStores.Open(name, new SourceOptions()))
        {
            BlockImage layers = new(RunnableBlockImage.Pack(lower, new byte[lower.Length]), RunnableBlockImage.Pack(upper, lower)) { FileSystem = annotation };
            await layers.StoreAsync(store, name.Tag);
        }

        await using MountedImage mounted = await MountedImage.MountAsync(workspace, image, "mnt");
        Assert.Equal(type, Assert.Single(workspace.Mounts("mnt")).Type);
        TreeListing expected = await TreeListing.ReadAsync(Path.Combine(made, "tree"));
        Assert.True(expected.Paths.Count > 500);
        Assert.Empty(expected.Compare(await TreeListing.ReadAsync(mounted.Directory)));
        await mounted.UnmountAsync();
        Assert.Empty(Loops.Below(workspace.Root));
    }
}
