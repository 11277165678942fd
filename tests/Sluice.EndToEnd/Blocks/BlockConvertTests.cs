using Sluice.EndToEnd.Harness;
using Sluice.EndToEnd.Trees;
using Sluice.Testing;
using Sluice.Testing.Images;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Blocks;

/// <summary><c>sluice convert --format overlaybd</c> with each of its options, right and wrong.</summary>
public sealed class BlockConvertTests
{
    [Fact]
    public async Task Wrong_options_are_explained()
    {
        using Workspace workspace = new();
        string source = $"oci:{workspace.File("plain")}:v1", made = $"oci:{workspace.File("made")}:v1";
        await new OrdinaryImage().PushAsync(source);
        foreach ((string[] options, string[] says) in new (string[], string[])[]
        {
            (["--vsize", "100"], ["--vsize", "1 MiB to 16 TiB"]),
            (["--vsize", "100000001"], ["--vsize", "multiple of 4 KiB"]),
            (["--vsize", "32TiB"], ["--vsize"]),
            (["--vsize", "big"], ["'big' is not a size"]),
            (["--vsize", "-1"], ["--vsize"]),
            (["--block-size", "5000"], ["--block-size", "power of two"]),
            (["--block-size", "2KiB"], ["--block-size"]),
            (["--block-size", "128KiB"], ["--block-size"]),
            (["--block-size", "x"], ["'x' is not a size"]),
            (["--compressor", "gzip"], ["choose lz4 or zstd"]),
            (["--compressor", "lz4_block"], ["choose lz4 or zstd"]),
            (["--jobs", "0"], ["--jobs", "from 1 to 1024"]),
            (["--jobs", "2000"], ["--jobs"]),
            (["--jobs", "many"], ["--jobs"]),
            (["--chunk-size", "1MiB"], ["--chunk-size", "no meaning for the format overlaybd"]),
            (["--level", "3"], ["--level"]),
            (["--digester", "sha256"], ["--digester"]),
            (["--base-layer", source], ["--base-layer", "not an OverlayBD image"]),
            (["--base-layer", source, "--vsize", "1GiB"], ["--vsize", "--base-layer"]),
        })
        {
            (await SluiceProgram.RunAsync(["convert", "--format", "overlaybd", source, made, .. options])).Fails(2, says);
        }

        (await SluiceProgram.RunAsync("convert", source, made, "--flatten")).Fails(2, "--flatten", "no meaning for the format rafs");
        (await SluiceProgram.RunAsync("convert", source, made, "--format", "squashfs")).Fails(2, "choose rafs or overlaybd");
        (await SluiceProgram.RunAsync("convert", "--format", "overlaybd", source, made, "--base-layer", $"overlaybd:{workspace.File("none")}")).Fails(4, workspace.File("none"));
        Assert.False(Directory.Exists(Path.Combine(workspace.File("made"), "blobs")));
    }

    [Fact]
    public async Task Right_options_do_what_they_say_and_jobs_change_nothing()
    {
        using Workspace workspace = new();
        string source = $"oci:{workspace.File("plain")}:v1";
        await new OrdinaryImage().PushAsync(source);
        foreach ((string tag, string[] options, string[] says) in new (string, string[], string[])[]
        {
            ("defaults", [], ["68.72 GB", "zstd in blocks of 16384"]),
            ("vsize", ["--vsize", "256MiB"], ["268.4 MB"]),
            ("lz4", ["--compressor", "lz4", "--vsize", "512M"], ["lz4", "in blocks of 4096", "536.9 MB"]),
            ("flat", ["--flatten", "--compressor", "lz4", "--block-size", "64KiB"], ["layers      1,", "blocks of 32768"]),
        })
        {
            List<string> results = [];
            foreach (string jobs in (string[])["1", "2", "5"])
            {
                SluiceResult result = await SluiceProgram.RunAsync(["convert", "--format", "overlaybd", source, $"oci:{workspace.File("made" + jobs)}:{tag}", "--jobs", jobs, .. options]);
                results.Add(result.Succeeds().Output.Split(' ')[0]);
            }

            Assert.Single(results.Distinct());
            string image = $"oci:{workspace.File("made1")}:{tag}";
            string inspected = (await SluiceProgram.RunAsync("inspect", image)).Succeeds().Output;
            foreach (string text in says) Assert.Contains(text, inspected, StringComparison.OrdinalIgnoreCase);
            (await SluiceProgram.RunAsync("check", source, image)).Succeeds();
        }
    }

    [Fact]
    public async Task A_user_without_privileges_makes_the_same_image()
    {
        Command.RequireRoot();
        using Workspace workspace = new();
        string source = $"oci:{workspace.File("plain")}:v1", user = workspace.MakeDirectory("user");
        await new OrdinaryImage().PushAsync(source);
        SluiceResult made = (await SluiceProgram.RunAsync("convert", "--format", "overlaybd", source, $"oci:{workspace.File("root")}:v1")).Succeeds();
        await Command.RunAsync("chmod", ["-R", "a+rwX", workspace.Root]);
        (int exitCode, string output) = await Command.RunAsync(
            "setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", SluiceProgram.Path, "convert", "--format", "overlaybd", source, $"oci:{user}/made:v1"],
            new Dictionary<string, string?> { ["TMPDIR"] = user, ["HOME"] = user });
        Assert.True(exitCode == 0, output);
        Assert.Contains(made.Output.Split(' ')[0], output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("blocks", "4MiB", "more blocks of 4 KiB are wanted")]
    [InlineData("inodes", "4MiB", "no inode is free")]
    public async Task A_device_that_is_too_small_says_what_to_do_and_tags_nothing(string what, string size, string says)
    {
        using Workspace workspace = new();
        string source = $"oci:{workspace.File("plain")}:v1", made = $"oci:{workspace.File("made")}:v1";
        byte[] noise = new byte[6 << 20];
        new Random(1).NextBytes(noise);
        var image = new TestImage().Layer(layer => layer.File("first", "fits")).Layer(layer =>
        {
            if (what == "blocks") layer.File("large", noise);
            else for (int i = 0; i < 400; i++) layer.File($"small {i}");
        });
        await using (Storage.Sources.IImageStore store = Storage.Sources.ImageStores.Open(Formats.Oci.ImageReference.Parse(source), new Storage.Sources.SourceOptions())) await image.StoreAsync(store, "v1");
        (await SluiceProgram.RunAsync("convert", "--format", "overlaybd", source, made, "--vsize", size)).Fails(2, says, "--vsize");
        (await SluiceProgram.RunAsync("inspect", made)).Fails(4);
        (await SluiceProgram.RunAsync("convert", "--format", "overlaybd", source, made, "--vsize", "64MiB")).Succeeds();
        (await SluiceProgram.RunAsync("check", source, made)).Succeeds();
    }
}
