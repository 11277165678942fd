using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Mounts;

/// <summary>What people type wrongly, and what they read then.</summary>
public sealed class UsageTests
{
    [Fact]
    public async Task Wrong_usage_is_explained()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        string directory = workspace.MakeDirectory("mnt"), missing = workspace.File("missing");
        await new OrdinaryImage().PushAsync($"oci:{workspace.File("plain")}:v1");
        string image = $"oci:{workspace.File("plain")}:v1";
        string[] places = ["--root", workspace.File("cache"), "--state", workspace.File("state")];

        (await SluiceProgram.RunAsync("mount")).Fails(2, "IMAGE is missing", "DIR is missing", "see: sluice mount --help");
        (await SluiceProgram.RunAsync("frobnicate")).Fails(2, "'frobnicate'", "see: sluice --help");
        (await SluiceProgram.RunAsync("registry", "serve", "--fast")).Fails(2, "'--fast' is not an option", "see: sluice registry serve --help");
        (await SluiceProgram.RunAsync("mount", image, directory, "--mode", "quick")).Fails(2, "'quick' is not known", "choose auto, file or loop");
        (await SluiceProgram.RunAsync("mount", image, directory, "--mode", "7")).Fails(2, "'7' is not known");
        (await SluiceProgram.RunAsync(["mount", image, missing, .. places])).Fails(4, missing, "mkdir -p");
        (await SluiceProgram.RunAsync(["mount", image, directory, .. places])).Fails(3, "not a RAFS image", "sluice convert");
        (await SluiceProgram.RunAsync(["mount", $"oci:{missing}:v1", directory, .. places])).Fails(4, missing);
        (await SluiceProgram.RunAsync(["mount", $"oci:{workspace.File("plain")}:v2", directory, .. places])).Fails(4, "v2");
        (await SluiceProgram.RunAsync(["mount", "ftp://x/y", directory, .. places])).Fails(2, "ftp://x/y");
        (await SluiceProgram.RunAsync("umount", directory)).Fails(4, "is not mounted");
        (await SluiceProgram.RunAsync("umount", "/proc")).Fails(2, "is a proc mount", "use umount");
        (await SluiceProgram.RunAsync("pull", "127.0.0.1:1/app:v1", "--admin-address", missing)).Fails(10, missing, "is `sluice daemon` running");
        (await SluiceProgram.RunAsync("pull", image)).Fails(2, "registries only");
        (await SluiceProgram.RunAsync("convert", image, $"oci:{workspace.File("x")}", "--compressor", "rar")).Fails(2, "choose zstd, lz4_block or none");
        (await SluiceProgram.RunAsync("convert", image, $"oci:{workspace.File("x")}", "--chunk-size", "3000")).Fails(2, "power of two");
        (await SluiceProgram.RunAsync("daemon", "--config", missing)).Fails(2, missing);
        Assert.Empty(workspace.Mounts());
        Assert.True(Directory.Exists(directory));
    }

    [Fact]
    public async Task A_wrong_configuration_is_explained_with_file_and_line()
    {
        using Workspace workspace = new();
        string config = workspace.File("config.yaml");
        await File.WriteAllTextAsync(config, "root: /tmp/x\nmount:\n  mode: fast\n");
        (await SluiceProgram.RunAsync("daemon", "--config", config)).Fails(2, $"{config}:3", "auto, file, loop");
        await File.WriteAllTextAsync(config, "rooot: /tmp/x\n");
        (await SluiceProgram.RunAsync("daemon", "--config", config)).Fails(2, $"{config}:1", "'rooot' is not a setting");
    }
}
