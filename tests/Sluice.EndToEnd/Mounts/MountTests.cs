using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Mounts;

/// <summary><c>sluice mount</c> and <c>sluice umount</c>, without any container runtime.</summary>
public sealed class MountTests
{
    [Theory]
    [InlineData("file")]
    [InlineData("loop")]
    public async Task An_image_in_a_registry_is_mounted_lazily_and_the_cache_outlives_the_mount(string mode)
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        await using TestRegistry registry = await TestRegistry.StartAsync(workspace.File("registry"));
        await new OrdinaryImage().PushAsync($"docker://{registry.Host}/app:v1");
        (await SluiceProgram.RunAsync("convert", $"docker://{registry.Host}/app:v1", $"docker://{registry.Host}/app:rafs")).Succeeds();
        registry.Forget();

        await using (MountedImage mounted = await MountedImage.MountAsync(workspace, $"docker://{registry.Host}/app:rafs", "mnt", "--mode", mode))
        {
            Assert.True(mounted.IsMounted);
            Assert.Equal("READY\n", await File.ReadAllTextAsync(Path.Combine(mounted.Directory, "etc/state")));
            Assert.InRange(registry.RangedBytes, 1, OrdinaryImage.DataFileSize);
            Assert.Equal(OrdinaryImage.DataSha256(1), Sha256OfData(mounted.Directory));
            await mounted.UnmountAsync();
        }

        Assert.True(Directory.Exists(workspace.File("mnt")));
        Assert.Empty(workspace.Mounts());
        registry.Forget();
        await using MountedImage again = await MountedImage.MountAsync(workspace, $"docker://{registry.Host}/app:rafs", "mnt", "--mode", mode);
        Assert.Equal("READY\n", await File.ReadAllTextAsync(Path.Combine(again.Directory, "etc/state")));
        Assert.Equal(OrdinaryImage.DataSha256(1), Sha256OfData(again.Directory));
        Assert.Empty(registry.BlobReads);
    }

    [Fact]
    public async Task An_image_in_a_layout_is_mounted_in_the_foreground_until_the_signal()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        await new OrdinaryImage().PushAsync($"oci:{workspace.File("plain")}:v1");
        (await SluiceProgram.RunAsync("convert", $"oci:{workspace.File("plain")}:v1", $"oci:{workspace.File("rafs")}:v1")).Succeeds();
        string directory = workspace.MakeDirectory("mnt");
        foreach (string signal in (string[])["-TERM", "-INT"])
        {
            using System.Diagnostics.Process process = SluiceProgram.Start(
                ["mount", "-f", $"oci:{workspace.File("rafs")}:v1", directory, "--root", workspace.File("cache"), "--state", workspace.File("state")]);
            try
            {
                Assert.Equal("mounted", await process.StandardOutput.ReadLineAsync(TestMachine.Cancellation));
                Assert.Equal("READY\n", await File.ReadAllTextAsync(Path.Combine(directory, "etc/state")));
                await Testing.Runtime.Command.RunAsync("/bin/kill", [signal, $"{process.Id}"]);
                await process.WaitForExitAsync(TestMachine.Cancellation);
                Assert.Equal(0, process.ExitCode);
                Assert.Empty(workspace.Mounts());
                Assert.True(Directory.Exists(directory));
            }
            finally
            {
                if (!process.HasExited) process.Kill(entireProcessTree: true);
            }
        }
    }

    [Fact]
    public async Task Two_images_are_mounted_side_by_side_and_one_directory_takes_one()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        await new OrdinaryImage().PushAsync($"oci:{workspace.File("plain")}:v1");
        (await SluiceProgram.RunAsync("convert", $"oci:{workspace.File("plain")}:v1", $"oci:{workspace.File("rafs")}:v1")).Succeeds();
        string image = $"oci:{workspace.File("rafs")}:v1";
        await using MountedImage one = await MountedImage.MountAsync(workspace, image, "one");
        await using MountedImage two = await MountedImage.MountAsync(workspace, image, "two");
        SluiceResult busy = await SluiceProgram.RunAsync("mount", image, workspace.MakeDirectory("three"), "--root", workspace.File("three-cache"), "--state", workspace.File("one-state"));
        busy.Fails(8, workspace.File("one-state"), "is used by process ", "--state");
        SluiceResult hidden = await SluiceProgram.RunAsync("mount", image, one.Directory, "--root", workspace.File("c"), "--state", workspace.File("s"));
        hidden.Fails(2, "an image is mounted already", "sluice umount " + one.Directory);
        await one.UnmountAsync();
        Assert.Equal("READY\n", await File.ReadAllTextAsync(Path.Combine(two.Directory, "etc/state")));
    }

    private static string Sha256OfData(string directory)
    {
        using System.Security.Cryptography.IncrementalHash hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        for (int i = 0; i < OrdinaryImage.DataFiles; i++) hash.AppendData(File.ReadAllBytes(Path.Combine(directory, "data", $"{i}")));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
