using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Sluice.Formats;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Tests.Support;
using Sluice.Testing;

namespace Sluice.Kernel.Tests.Mounts;

public sealed class ErofsMountTests
{
    [Theory]
    [InlineData("hits")]
    [InlineData("misses")]
    [InlineData("passthrough")]
    public async Task An_image_whose_data_is_a_served_disk_reads_like_its_source(string how)
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), served.Log.Enqueue);
        string tree = await SampleTree(served.Directory);
        string boot = Path.Combine(served.Directory, "boot");
        string blob = Path.Combine(served.Directory, "blob");
        await Command.ShellAsync($"mkfs.erofs --quiet --blobdev={blob} --chunksize=4096 {boot} {tree}");
        using var disk = new FileDisk("blob", blob, local: how == "hits", complete: how == "passthrough");
        string target = Directory.CreateDirectory(Path.Combine(served.Directory, "image")).FullName;
        string[] before = Bdis();
        await mounts.MountErofsAsync(new ErofsMount { Bootstrap = boot, Devices = [served.Add(disk)], Target = target, ReadAheadKilobytes = 768 });
        try
        {
            Assert.True(MountTable.Find(target) is { Type: "erofs", IsReadOnly: true });
            Assert.Equal(await Listing(tree), await Listing(target));
            Fuse.DiskServerTests.AssertServedBy(how, served.Server.Counters);
            string[] added = [.. Bdis().Except(before, StringComparer.Ordinal)]; // other tests of this machine may mount, too
            Assert.Contains(added, bdi => File.ReadAllText(Path.Combine(bdi, "read_ahead_kb")).Trim() == "768");
        }
        finally
        {
            Assert.True(await mounts.DetachAsync(target));
        }

        Assert.Null(MountTable.Find(target));
        Assert.False(await mounts.DetachAsync(target));
        Assert.Empty(served.Log);
    }

    [Fact]
    public async Task A_flat_disk_mounts_over_a_loop_device_that_goes_away_with_it()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), served.Log.Enqueue);
        string tree = await SampleTree(served.Directory);
        string image = Path.Combine(served.Directory, "flat");
        await Command.ShellAsync($"mkfs.erofs --quiet {image} {tree}");
        using var disk = new FileDisk("flat", image, local: false);
        string target = Directory.CreateDirectory(Path.Combine(served.Directory, "image")).FullName;
        await mounts.MountErofsOnLoopAsync(new ErofsLoopMount { Disk = served.Add(disk), Target = target });
        string loop = MountTable.Find(target)!.Source;
        try
        {
            Assert.StartsWith("/dev/loop", loop, StringComparison.Ordinal);
            Assert.Equal("1024\n", await Command.ShellAsync($"cat /sys/block/{Path.GetFileName(loop)}/queue/read_ahead_kb"));
            Assert.Equal("1\n", await Command.ShellAsync($"cat /sys/block/{Path.GetFileName(loop)}/loop/dio"));
            Assert.Equal(await Listing(tree), await Listing(target));
        }
        finally
        {
            await mounts.DetachAsync(target);
        }

        await Wait.UntilAsync(() => !File.Exists($"/sys/block/{Path.GetFileName(loop)}/loop/backing_file"));
        Assert.Empty(served.Log);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_golden_tar_index_mounts_over_plain_tars(bool onLoop)
    {
        string golden = Golden.Path("nydus/generated/merged-tarfs.boot");
        await using ServedDisks served = await ServedDisks.StartAsync();
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), served.Log.Enqueue);
        byte[] bootstrap = File.ReadAllBytes(golden);
        var tars = Enumerable.Range(0, 2).Select(i => Slot(bootstrap, i)).Select(slot => (slot.MappedBlock, Path: Unpacked(slot.Tag, served.Directory))).ToArray();
        string target = Directory.CreateDirectory(Path.Combine(served.Directory, "image")).FullName;
        if (onLoop)
        {
            string flat = Path.Combine(served.Directory, "flat");
            using (FileStream file = File.Create(flat))
            {
                file.Write(bootstrap);
                foreach ((uint block, string tar) in tars)
                {
                    file.Position = block * 512L;
                    file.Write(File.ReadAllBytes(tar));
                }
            }

            await mounts.MountErofsOnLoopAsync(new ErofsLoopMount { Disk = served.Add(new FileDisk("flat", flat, local: false)), Target = target, BlockSize = 512 });
        }
        else
        {
            string[] devices = [.. tars.Select((tar, i) => served.Add(new FileDisk($"tar{i}", tar.Path, local: i == 0)))];
            string copy = Path.Combine(served.Directory, "boot");
            File.WriteAllBytes(copy, bootstrap);
            await mounts.MountErofsAsync(new ErofsMount { Bootstrap = copy, Devices = devices, Target = target });
        }

        try
        {
            string[] expected = [.. File.ReadLines(Golden.Path("nydus/generated/exp-native.jsonl")).Select(ExpectedLine).Order(StringComparer.Ordinal)];
            string[] found = (await Listing(target)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.True(expected.Length > 400);
            Assert.Equal(expected, found.Order(StringComparer.Ordinal));
        }
        finally
        {
            await mounts.DetachAsync(target);
        }

        Assert.Empty(served.Log);
    }

    [Fact]
    public async Task A_disk_that_fails_is_EIO_for_the_reader_and_recovers()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), served.Log.Enqueue);
        string tree = await SampleTree(served.Directory);
        string boot = Path.Combine(served.Directory, "boot");
        string blob = Path.Combine(served.Directory, "blob");
        await Command.ShellAsync($"mkfs.erofs --quiet --blobdev={blob} --chunksize=4096 {boot} {tree}");
        using var inner = new FileDisk("blob", blob, local: false);
        var disk = new BreakingDisk(inner) { Broken = true };
        string target = Directory.CreateDirectory(Path.Combine(served.Directory, "image")).FullName;
        await mounts.MountErofsAsync(new ErofsMount { Bootstrap = boot, Devices = [served.Add(disk)], Target = target });
        try
        {
            Command.Result failed = await Command.RunAsync("cat", Path.Combine(target, "f2"));
            Assert.Contains("Input/output error", failed.Errors, StringComparison.Ordinal);
            disk.Broken = false;
            Assert.Equal(await Command.Sha256Async(Path.Combine(tree, "f2")), await Command.Sha256Async(Path.Combine(target, "f2")));
        }
        finally
        {
            await mounts.DetachAsync(target);
        }
    }

    [Fact]
    public async Task Three_hundred_disks_make_one_mount()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), served.Log.Enqueue);
        const int Count = 300;
        string boot = Path.Combine(served.Directory, "boot");
        File.WriteAllBytes(boot, ManyDevices(Count));
        string[] devices = [.. Enumerable.Range(0, Count).Select(i => served.Add(new PatternDisk(new string('d', 150) + i, 4096, (ulong)i)))];
        string target = Directory.CreateDirectory(Path.Combine(served.Directory, "image")).FullName;
        await mounts.MountErofsAsync(new ErofsMount { Bootstrap = boot, Devices = devices, Target = target });
        Assert.Equal("", await Command.ShellAsync($"ls {target}"));
        await mounts.DetachAsync(target);
        Assert.Empty(served.Log);
    }

    [Fact]
    public async Task Refusals_name_the_culprit_and_say_what_to_do()
    {
        Root.Required();
        using var directory = new TemporaryDirectory();
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), _ => { });
        string target = Directory.CreateDirectory(directory.File("image")).FullName;
        string junk = directory.File("junk");
        File.WriteAllBytes(junk, new byte[8192]);
        SluiceException refused = await Assert.ThrowsAsync<SluiceException>(() => mounts.MountErofsAsync(new ErofsMount { Bootstrap = junk, Target = target }));
        Assert.Equal((SluiceError.Kernel, junk), (refused.Error, refused.Culprit));
        Assert.NotNull(refused.Hint);
        string boot = directory.File("boot");
        File.WriteAllBytes(boot, ManyDevices(2));
        refused = await Assert.ThrowsAsync<SluiceException>(() => mounts.MountErofsAsync(new ErofsMount { Bootstrap = boot, Devices = [junk], Target = target }));
        Assert.Contains("devices", refused.Hint, StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<SluiceException>(() => mounts.MountErofsAsync(new ErofsMount { Bootstrap = boot, Devices = [junk, junk], Target = directory.File("nowhere") }));
        Assert.Equal(directory.File("nowhere"), refused.Culprit);
        await Assert.ThrowsAsync<SluiceException>(() => mounts.MountErofsOnLoopAsync(new ErofsLoopMount { Disk = junk, Target = target }));
        await Assert.ThrowsAsync<SluiceException>(() => mounts.MountErofsOnLoopAsync(new ErofsLoopMount { Disk = directory.File("none"), Target = target }));
        Assert.Empty(MountTable.Below(directory.Path));
        Assert.Equal("", await Command.ShellAsync($"losetup -j {junk}"));
    }

    internal static async Task<string> SampleTree(string directory)
    {
        string tree = Directory.CreateDirectory(Path.Combine(directory, "tree", "sub")).Parent!.FullName;
        var random = new Random(11);
        for (int i = 1; i <= 3; i++)
        {
            byte[] bytes = new byte[i * 300_000 + i];
            random.NextBytes(bytes);
            await File.WriteAllBytesAsync(Path.Combine(tree, $"f{i}"), bytes);
        }

        await File.WriteAllTextAsync(Path.Combine(tree, "sub", "small"), "small\n");
        File.CreateSymbolicLink(Path.Combine(tree, "link"), "f1");
        return tree;
    }

    /// <summary>Type, path and SHA-256 of regular files; type, path and target of links; type and path of the rest.</summary>
    internal static Task<string> Listing(string directory) => Command.ShellAsync(
        $"cd {directory} && {{ find . -type f -print0 | xargs -0 -r sha256sum --zero | tr '\\0' '\\n' | sed -E 's/^([0-9a-f]+)  /f \\1 /'; " +
        "find . -type l -printf 'l %l %p\\n'; find . ! -type f ! -type l -printf '%y - %p\\n'; } | sort");

    private static string[] Bdis() => Directory.GetFileSystemEntries("/sys/class/bdi", "erofs-*");

    private static string ExpectedLine(string json)
    {
        using var line = JsonDocument.Parse(json);
        return GoldenTree.Line(line.RootElement);
    }

    private static (string Tag, uint MappedBlock) Slot(byte[] bootstrap, int index)
    {
        int at = BinaryPrimitives.ReadUInt16LittleEndian(bootstrap.AsSpan(1024 + 0x58)) * 128 + index * 128;
        return (Encoding.ASCII.GetString(bootstrap, at, 64), BinaryPrimitives.ReadUInt32LittleEndian(bootstrap.AsSpan(at + 0x44)));
    }

    private static string Unpacked(string blobId, string directory)
    {
        string layer = blobId.StartsWith("8ac29de4", StringComparison.Ordinal) ? "layer1" : "layer2"; // see CMDS.txt beside it
        string path = Path.Combine(directory, layer + ".tar");
        using var source = new GZipStream(File.OpenRead(Golden.Path($"nydus/generated/{layer}.tar.gz")), CompressionMode.Decompress);
        using FileStream target = File.Create(path);
        source.CopyTo(target);
        return path;
    }

    /// <summary>A superblock, an empty root directory and a table of devices of one block each.</summary>
    private static byte[] ManyDevices(int count)
    {
        const int TableSlot = 16; // at 2048
        byte[] image = new byte[(TableSlot * 128 + count * 128 + 4095) / 4096 * 4096];
        Span<byte> super = image.AsSpan(1024);
        BinaryPrimitives.WriteUInt32LittleEndian(super, 0xE0F5E1E2);
        super[12] = 12;
        BinaryPrimitives.WriteUInt16LittleEndian(super[14..], 40);
        BinaryPrimitives.WriteUInt64LittleEndian(super[16..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(super[0x50..], 0xC);
        BinaryPrimitives.WriteUInt16LittleEndian(super[0x56..], (ushort)count);
        BinaryPrimitives.WriteUInt16LittleEndian(super[0x58..], TableSlot);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(1280 + 4), 0x41ED);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(1280 + 6), 2);
        for (int i = 0; i < count; i++) BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan((TableSlot + i) * 128 + 0x40), 1);
        return image;
    }
}
