using Sluice.EndToEnd.Harness;
using Sluice.Testing;

namespace Sluice.EndToEnd.Images;

/// <summary>Converted images go through the hands of other tools and registries.</summary>
public sealed class CopyTests
{
    [Fact]
    public async Task Skopeo_carries_a_converted_image_between_registries_and_layouts()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        await using DockerRegistry docker = await DockerRegistry.StartAsync();
        await using TestRegistry registry = await TestRegistry.StartAsync(workspace.File("registry"));
        await new OrdinaryImage().PushAsync($"oci:{workspace.File("plain")}:v1");
        (await SluiceProgram.RunAsync("convert", $"oci:{workspace.File("plain")}:v1", $"{registry.Host}/app:rafs")).Succeeds();

        await Skopeo.CopyAsync($"docker://{registry.Host}/app:rafs", $"docker://{docker.Authority}/copied/app:rafs");
        await Skopeo.CopyAsync($"docker://{docker.Authority}/copied/app:rafs", $"oci:{workspace.File("layout")}:rafs");
        await Skopeo.CopyAsync($"oci:{workspace.File("layout")}:rafs", $"oci-archive:{workspace.File("app.tar")}:rafs");
        await Skopeo.CopyAsync($"oci-archive:{workspace.File("app.tar")}:rafs", $"docker://{registry.Host}/back:rafs");
        Assert.Equal(await TestNode.LayersAsync($"{registry.Host}/app:rafs"), await TestNode.LayersAsync($"{registry.Host}/back:rafs"));
        string[] places =
        [
            $"docker://{docker.Authority}/copied/app:rafs", $"oci:{workspace.File("layout")}:rafs", $"oci-archive:{workspace.File("app.tar")}:rafs", $"{registry.Host}/back:rafs",
        ];
        for (int i = 0; i < places.Length; i++)
        {
            await using MountedImage mounted = await MountedImage.MountAsync(workspace, places[i], $"mnt{i}");
            Assert.Equal("READY\n", await File.ReadAllTextAsync(Path.Combine(mounted.Directory, "etc/state")));
            Assert.Equal(OrdinaryImage.DataFileSize, (await File.ReadAllBytesAsync(Path.Combine(mounted.Directory, "data/3"))).Length);
        }
    }

    [Fact]
    public async Task An_index_of_several_platforms_is_converted_and_pulled()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = node.Image("multi:v1"), converted = node.Image("multi:rafs");
        await OrdinaryImage.PushIndexAsync(image, ("arm64", new OrdinaryImage("FOREIGN", architecture: "arm64")), ("amd64", new OrdinaryImage("NATIVE")));
        (await SluiceProgram.RunAsync("convert", image, converted, "--all-platforms")).Succeeds();
        await node.PullAsync(converted);
        Assert.Contains("NATIVE", await node.RunAsync(converted, "native"), StringComparison.Ordinal);

        await using (MountedImage foreign = await MountedImage.MountAsync(node.Workspace, converted, "foreign", "--platform", "linux/arm64"))
        {
            Assert.Equal("FOREIGN\n", await File.ReadAllTextAsync(Path.Combine(foreign.Directory, "etc/state")));
        }

        SluiceResult missing = await node.TryPullAsync(converted, "--platform", "linux/riscv64");
        missing.Fails(4, "no image for linux/riscv64", "linux/arm64, linux/amd64");
        await node.CtrAsync("images", "rm", "--sync", converted);
        Assert.Empty(node.ImageMounts);
    }
}
