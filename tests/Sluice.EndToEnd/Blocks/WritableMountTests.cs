using Sluice.EndToEnd.Harness;
using Sluice.Testing;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Blocks;

/// <summary><c>sluice mount --upper</c>.</summary>
public sealed class WritableMountTests
{
    private const string Fio = "fio --minimal --output=/dev/null --ioengine=psync --verify=crc32c --verify_fatal=1 --randseed=7 --directory=.";

    /// <summary>Buffered and direct, small and large blocks, with fsync; each verifies at its end.</summary>
    private static readonly string[] Jobs =
    [
        "--name=small --rw=randwrite --bs=4k --size=24m --fsync=32",
        "--name=direct --rw=randwrite --bsrange=4k-256k --blockalign=4k --size=48m --direct=1 --fdatasync=16",
        "--name=odd --rw=randwrite --bsrange=512-64k --size=24m --fsync=64",
        "--name=seq --rw=write --bs=1m --size=96m --end_fsync=1",
    ];

    [Theory]
    [InlineData("append")]
    [InlineData("sparse")]
    public async Task Fio_finds_what_it_wrote_also_later(string kind)
    {
        TestMachine.RequireMounts();
        Command.Require("fio");
        using Workspace workspace = new();
        await using (MountedImage first = await WritableImage.MountAsync(workspace, kind))
        {
            // Discards run beside the jobs.
            string jobs = string.Join(" & ", Jobs.Select(job => $"{Fio} {job} --do_verify=1"));
            await WritableImage.ShellAsync(first, $"({jobs} & wait -n; wait -n; wait -n; wait -n) & job=$!; for i in $(seq 6); do head -c 9000000 /dev/urandom > gone; sync gone; rm gone; fstrim .; done; wait $job");
            await first.UnmountAsync();
        }

        await using MountedImage again = await WritableImage.MountAsync(workspace);
        await WritableImage.ShellAsync(again, string.Join("; ", Jobs.Select(job => $"{Fio} {job} --verify_only")));
        await WritableImage.ShellAsync(again, "test ! -e gone; echo changed > etc/hosts; rm -r usr; mkdir usr; sync");
        await WritableImage.AssertCleanAsync(again);
        await again.UnmountAsync();
        await NothingIsLeftAsync(workspace);
    }

    [Theory]
    [InlineData("append")]
    [InlineData("sparse")]
    public async Task Discarded_files_give_their_space_up_and_stay_gone(string kind)
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        string upper = workspace.File("upper");
        long before;
        await using (MountedImage first = await WritableImage.MountAsync(workspace, kind))
        {
            await WritableImage.ShellAsync(first, "head -c 60000000 /dev/urandom > large; sync large; echo kept > kept");
            before = await WritableImage.AllocatedAsync(upper);
            Assert.True(before > 60_000_000);
            await WritableImage.ShellAsync(first, "rm large; sync; fstrim .");
            await first.UnmountAsync();
        }

        long after = await WritableImage.AllocatedAsync(upper);
        if (kind == "sparse") Assert.InRange(after, 0, 8_000_000);
        await using MountedImage again = await WritableImage.MountAsync(workspace);
        Assert.Equal("kept\n", await WritableImage.ShellAsync(again, "cat kept; test ! -e large"));
        if (kind == "sparse") Assert.InRange(await WritableImage.AllocatedAsync(upper), 0, 8_000_000);

        // Free blocks of the device read as zeros: nothing of the file shines through.
        string device = Kernel.Mounts.MountTable.Find(again.Directory)!.Source;
        (int exitCode, string data) = await Command.RunAsync("/bin/bash", ["-c", $"tr -d '\\0' < {device} | wc -c"]);
        Assert.Equal(0, exitCode);
        Assert.InRange(long.Parse(data, System.Globalization.CultureInfo.InvariantCulture), 1, 20_000_000);
        await again.UnmountAsync();
    }

    [Fact]
    public async Task Layers_of_other_images_or_kinds_are_refused_and_nothing_is_left()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        await using (MountedImage first = await WritableImage.MountAsync(workspace)) await first.UnmountAsync();
        string directory = workspace.MakeDirectory("mnt"), upper = workspace.File("upper");
        Task<SluiceResult> MountAsync(string image, params string[] more) =>
            SluiceProgram.RunAsync(["mount", image, directory, "--root", workspace.File("root"), "--state", workspace.File("state"), .. more]);
        (await MountAsync(WritableImage.Name, "--upper", upper, "--upper-type", "sparse")).Fails(2, "of the other kind", "Append");
        (await MountAsync(WritableImage.Name, "--upper-type", "sparse")).Fails(2, "needs --upper");
        (await MountAsync(WritableImage.Name, "--upper", upper, "--upper-type", "cow")).Fails(2, "choose append or sparse");
        SluiceResult another = await MountAsync($"overlaybd:{await OneLayerAsync(workspace)}", "--upper", upper);
        another.Fails(2, "belongs to another image");
        File.WriteAllBytes(Path.Combine(upper, "writable_data"), new byte[10_000]);
        (await MountAsync(WritableImage.Name, "--upper", upper)).Fails(3, "lsmt");
        await NothingIsLeftAsync(workspace);
    }

    /// <summary>A device configuration of the golden stack's lowest layer alone.</summary>
    private static async Task<string> OneLayerAsync(Workspace workspace)
    {
        string golden = Golden.Path("overlaybd/tar/stack3.config.v1.json");
        (int exitCode, string config) = await Command.RunAsync("jq", ["-c", "--arg", "dir", Path.GetDirectoryName(golden)!, ".lowers |= (.[0:1] | map(.file |= (if startswith(\"/\") then . else $dir + \"/\" + . end)))", golden]);
        Assert.True(exitCode == 0, config);
        string file = workspace.File("one.config.v1.json");
        File.WriteAllText(file, config);
        return file;
    }

    private static async Task NothingIsLeftAsync(Workspace workspace)
    {
        await TestMachine.UntilAsync(() => Loops.Below(workspace.Root).Count == 0, "no loop devices are left");
        await TestMachine.UntilAsync(() => workspace.Mounts().Count == 0, "no mounts are left");
    }
}
