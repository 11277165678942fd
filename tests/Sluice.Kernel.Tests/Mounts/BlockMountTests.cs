using Sluice.Formats;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Tests.Support;

namespace Sluice.Kernel.Tests.Mounts;

/// <summary>Ordinary file systems on served disks, over loop devices.</summary>
public sealed class BlockMountTests
{
    private const string Script = """
        set -e
        mkdir -p tree/dir
        seq 200000 > tree/numbers
        printf x > tree/dir/x; ln -s x tree/dir/link
        mke2fs -q -t ext4 $OPTIONS -d tree device.ext4 32M
        """;

    [Theory]
    [InlineData("-O ^has_journal", true)]
    [InlineData("-O ^has_journal -b 1024", false)]
    [InlineData("-J size=4", false)]
    public async Task An_ext4_reads_like_its_source_also_with_a_journal_to_replay(string options, bool local)
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), served.Log.Enqueue);
        string target = Directory.CreateDirectory(Path.Combine(served.Directory, "image")).FullName;
        await Command.ShellAsync($"cd {served.Directory}; OPTIONS='{options}'; {Script}");
        if (options.StartsWith("-J", StringComparison.Ordinal)) await Command.ShellAsync($"debugfs -w -R 'feature needs_recovery' {served.Directory}/device.ext4 2>/dev/null");
        using var disk = new FileDisk("device", Path.Combine(served.Directory, "device.ext4"), local);
        await mounts.MountBlocksAsync(new BlockMount { Disk = served.Add(disk), FileSystem = "ext4", Target = target, ReadAheadKilobytes = 512 });
        MountEntry entry = MountTable.Find(target)!;
        string loop = $"/sys/block/{Path.GetFileName(entry.Source)}";
        try
        {
            Assert.Equal(("ext4", true), (entry.Type, entry.IsReadOnly));
            Assert.True(ImageMounts.IsImage(entry));
            Assert.Equal("1\n512\n1\n", await Command.ShellAsync($"cat {loop}/ro {loop}/queue/read_ahead_kb {loop}/loop/dio"));
            await Command.ShellAsync($"diff -r --no-dereference --exclude=lost+found {served.Directory}/tree {target}");
        }
        finally
        {
            await mounts.DetachAsync(target);
        }

        await Wait.UntilAsync(() => !File.Exists($"{loop}/loop/backing_file"));
        Assert.Empty(served.Log);
    }

    [Theory]
    [InlineData("ext4", "mount refused")]
    [InlineData("btrfs", "are not mounted")]
    public async Task A_refused_mount_leaves_no_loop_device(string type, string says)
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), served.Log.Enqueue);
        string target = Directory.CreateDirectory(Path.Combine(served.Directory, "image")).FullName;
        using var disk = new PatternDisk("device", 1 << 20, seed: 3);
        string file = served.Add(disk);
        SluiceException refused = await Assert.ThrowsAsync<SluiceException>(() => mounts.MountBlocksAsync(new BlockMount { Disk = file, FileSystem = type, Target = target }));
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        await Wait.UntilAsync(() => !Directory.EnumerateDirectories("/sys/block", "loop*").Any(loop => ImageMounts.BackingFileOf("/dev/" + Path.GetFileName(loop)) == file));
        Assert.Null(MountTable.Find(target));
        Assert.False(ImageMounts.IsImage(MountTable.Find("/proc")!));
    }
}
