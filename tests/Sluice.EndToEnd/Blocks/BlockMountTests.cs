using Sluice.EndToEnd.Harness;
using Sluice.Formats.Oci;
using Sluice.Kernel.Mounts;
using Sluice.Storage.Sources;
using Sluice.Testing;
using Sluice.Testing.Images;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Blocks;

/// <summary><c>sluice mount</c> of OverlayBD images.</summary>
public sealed class BlockMountTests
{
    [Fact]
    public async Task An_image_in_a_registry_shows_the_tree_and_later_needs_no_registry()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        await using TestRegistry registry = await TestRegistry.StartAsync(workspace.File("registry"));
        string image = $"docker://{registry.Host}/app:obd";
        await StoreAsync(BlockImage.Golden(), image);
        await using (MountedImage mounted = await MountedImage.MountAsync(workspace, image, "mnt"))
        {
            MountEntry entry = MountTable.Find(mounted.Directory)!;
            Assert.Equal(("ext4", true), (entry.Type, entry.IsReadOnly));
            Assert.Single(Loops.Below(workspace.Root));
            await GoldenTree.AssertIsAsync(mounted.Directory);
            await mounted.UnmountAsync();
        }

        await NothingIsLeftAsync(workspace);
        await registry.StopAsync();
        await using MountedImage again = await MountedImage.MountAsync(workspace, image, "mnt");
        await GoldenTree.AssertIsAsync(again.Directory);
        await again.UnmountAsync();
        await NothingIsLeftAsync(workspace);
    }

    [Theory]
    [InlineData("oci:")]
    [InlineData("oci-archive:")]
    public async Task An_image_in_a_file_shows_the_tree(string transport)
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        string image = $"{transport}{workspace.File("image")}:v1";
        await StoreAsync(BlockImage.Golden(), image);
        await using MountedImage mounted = await MountedImage.MountAsync(workspace, image, "mnt");
        await GoldenTree.AssertIsAsync(mounted.Directory);
        SluiceResult hidden = await SluiceProgram.RunAsync("mount", image, mounted.Directory, "--root", workspace.File("c"), "--state", workspace.File("s"));
        hidden.Fails(2, "an image is mounted already", "sluice umount " + mounted.Directory);
        await mounted.UnmountAsync();
        await NothingIsLeftAsync(workspace);
    }

    [Fact]
    public async Task What_a_killed_process_left_is_cleared_away_by_the_next()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        string image = $"oci:{workspace.File("image")}:v1";
        await StoreAsync(BlockImage.Golden(), image);
        for (int round = 0; round < 3; round++)
        {
            await using MountedImage killed = await MountedImage.MountAsync(workspace, image, "mnt");
            if (round != 1) await GoldenTree.AssertIsAsync(killed.Directory);
            Assert.Single(MountTable.Below(killed.Directory));
            Assert.Single(Loops.Below(workspace.Root));
            await Command.RunAsync("/bin/kill", ["-KILL", $"{killed.ProcessId}"]);
            await TestMachine.UntilAsync(() => !killed.IsServed, "the killed process is gone");
        }

        await using MountedImage last = await MountedImage.MountAsync(workspace, image, "mnt");
        await GoldenTree.AssertIsAsync(last.Directory);
        await last.UnmountAsync();
        await NothingIsLeftAsync(workspace);
    }

    [Fact]
    public async Task An_image_that_can_not_be_mounted_is_explained_and_leaves_nothing()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        byte[] noise = new byte[1 << 20], broken = new byte[1 << 20];
        new Random(1).NextBytes(noise);
        (broken[1080], broken[1081]) = (0x53, 0xEF);
        string directory = workspace.MakeDirectory("mnt");
        foreach ((string name, byte[] device, string says) in new[] { ("noise", noise, "no ext4, xfs or EROFS"), ("broken", broken, "mount refused") })
        {
            string image = $"oci:{workspace.File(name)}:v1";
            await StoreAsync(new BlockImage(RunnableBlockImage.Pack(device, new byte[1 << 20])), image);
            SluiceResult result = await SluiceProgram.RunAsync("mount", image, directory, "--root", workspace.File("root"), "--state", workspace.File("state"));
            Assert.NotEqual(0, result.ExitCode);
            result.Fails(result.ExitCode, says);
            await NothingIsLeftAsync(workspace);
        }
    }

    [Fact]
    public async Task A_device_configuration_is_mounted_from_files_and_from_a_registry()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        await using MountedImage mounted = await MountedImage.MountAsync(workspace, $"overlaybd:{Golden.Path("overlaybd/tar/stack3.config.v1.json")}", "files");
        await GoldenTree.AssertIsAsync(mounted.Directory);
        await mounted.UnmountAsync();

        await using TestRegistry registry = await TestRegistry.StartAsync(workspace.File("registry"));
        BlockImage golden = BlockImage.Golden();
        await StoreAsync(golden, $"docker://{registry.Host}/app:obd");
        string directory = workspace.MakeDirectory("layers/one");
        File.WriteAllBytes(Path.Combine(directory, "overlaybd.commit"), golden.Layers[0]);
        string[] lowers = [.. golden.Layers.Select(layer => $$"""{"digest":"{{Digest.Sha256(layer)}}","size":{{layer.Length}},"dir":"{{workspace.File("layers/none")}}"}""")];
        lowers[0] = $$"""{"dir":"{{directory}}"}""";
        File.WriteAllText(workspace.File("config.v1.json"), $$"""{"repoBlobUrl":"http://{{registry.Host}}/v2/app/blobs","lowers":[{{string.Join(',', lowers)}}],"upper":{},"resultFile":"x"}""");
        registry.Forget();
        await using MountedImage remote = await MountedImage.MountAsync(workspace, $"overlaybd:{workspace.File("config.v1.json")}", "remote");
        await GoldenTree.AssertIsAsync(remote.Directory);
        Assert.Equal(2, registry.BlobReads.Select(read => read.Path).Distinct().Count());
        await remote.UnmountAsync();
        await NothingIsLeftAsync(workspace);
    }

    private static async Task StoreAsync(BlockImage image, string reference)
    {
        ImageReference name = ImageReference.Parse(reference);
        await using IImageStore store = ImageStores.Open(name, new SourceOptions());
        await image.StoreAsync(store, name.Tag);
    }

    /// <summary>The kernel gives loop devices back a moment after the unmount.</summary>
    private static async Task NothingIsLeftAsync(Workspace workspace)
    {
        await TestMachine.UntilAsync(() => Loops.Below(workspace.Root).Count == 0, "no loop devices are left");
        await TestMachine.UntilAsync(() => workspace.Mounts().Count == 0, "no mounts are left");
    }
}
