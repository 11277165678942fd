using Sluice.Testing;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Deploy;

/// <summary>What is given to containerd, as containerd reads it.</summary>
public sealed class ContainerdConfigurationTests
{
    private const string Main = """
        version = 2
        imports = ["@DROPIN@"]
        [plugins."io.containerd.grpc.v1.cri"]
          sandbox_image = "registry.invalid/mine"
          [plugins."io.containerd.grpc.v1.cri".containerd]
            snapshotter = "sluice"
            disable_snapshot_annotations = false
        """;

    [Fact]
    public async Task An_imported_drop_in_adds_the_snapshotter_and_changes_nothing_else()
    {
        using TemporaryDirectory directory = new();
        string all = await DumpAsync(directory, Main.Replace("@DROPIN@", Repository.File("deploy/containerd/sluice.toml"), StringComparison.Ordinal));
        Assert.Contains("address = \"/run/sluice/containerd.sock\"", all, StringComparison.Ordinal);
        Assert.Contains("type = \"snapshot\"", all, StringComparison.Ordinal);
        Assert.Contains("sandbox_image = \"registry.invalid/mine\"", all, StringComparison.Ordinal);
        Assert.Contains("snapshotter = \"sluice\"", all, StringComparison.Ordinal);
        Assert.Contains("disable_snapshot_annotations = false", all, StringComparison.Ordinal);
    }

    /// <summary>The reason why the drop-in leaves CRI alone. If this fails with a later containerd, one file can say it all.</summary>
    [Fact]
    public async Task A_drop_in_with_lines_for_CRI_would_take_the_place_of_all_others()
    {
        using TemporaryDirectory directory = new();
        await File.WriteAllTextAsync(directory.File("cri.toml"), """
            version = 2
            [plugins."io.containerd.grpc.v1.cri".containerd]
              snapshotter = "sluice"
            """);
        string all = await DumpAsync(directory, Main.Replace("@DROPIN@", directory.File("cri.toml"), StringComparison.Ordinal));
        Assert.DoesNotContain("registry.invalid/mine", all, StringComparison.Ordinal);
    }

    /// <summary>containerd 2 is not in Debian 12: that the file is TOML and says the same is all that can be seen here.</summary>
    [Fact]
    public async Task The_drop_in_for_containerd_2_names_the_same_snapshotter()
    {
        using TemporaryDirectory directory = new();
        string file = await File.ReadAllTextAsync(Repository.File("deploy/containerd/sluice-2.toml"));
        Assert.Contains("version = 3", file, StringComparison.Ordinal);
        string all = await DumpAsync(directory, file.Replace("version = 3", "version = 2", StringComparison.Ordinal));
        Assert.Contains("address = \"/run/sluice/containerd.sock\"", all, StringComparison.Ordinal);
        Assert.Contains("[plugins.'io.containerd.cri.v1.images']", file, StringComparison.Ordinal);
    }

    private static async Task<string> DumpAsync(TemporaryDirectory directory, string configuration)
    {
        string containerd = Command.Require("containerd"), main = directory.File("main.toml");
        await File.WriteAllTextAsync(main, configuration);
        (int exitCode, string output) = await Command.RunAsync(containerd, ["-c", main, "config", "dump"]);
        Assert.True(exitCode == 0, output);
        return output;
    }
}
