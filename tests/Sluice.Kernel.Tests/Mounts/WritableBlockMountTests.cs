using Sluice.Formats;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Tests.Support;

namespace Sluice.Kernel.Tests.Mounts;

/// <summary>File systems mounted for writing on served disks.</summary>
public sealed class WritableBlockMountTests
{
    [Theory]
    [InlineData("-O ^has_journal", 512, true)]
    [InlineData("-O ^has_journal -b 4096", 4096, false)]
    [InlineData("-J size=4", 512, true)]
    public async Task An_ext4_is_written_and_unmounted_clean(string options, int sectorSize, bool discard)
    {
        await using ServedDisks served = await ServedDisks.StartAsync(server => server with { Writable = true });
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), served.Log.Enqueue);
        WritableMemoryDisk disk = await FormatAsync(served, options);
        string target = Directory.CreateDirectory(Path.Combine(served.Directory, "image")).FullName;
        var mount = new BlockMount { Disk = served.Add(disk), FileSystem = "ext4", Target = target, Writable = true, Discard = discard, SectorSize = sectorSize };
        for (int round = 0; round < 2; round++)
        {
            await mounts.MountBlocksAsync(mount);
            MountEntry entry = MountTable.Find(target)!;
            string loop = $"/sys/block/{Path.GetFileName(entry.Source)}";
            Assert.Equal(("ext4", false, discard, true), (entry.Type, entry.IsReadOnly, entry.SuperOptions.Contains("discard", StringComparison.Ordinal), entry.SuperOptions.Contains("errors=remount-ro", StringComparison.Ordinal)));
            Assert.Equal($"0\n{sectorSize}\n1\n", await Command.ShellAsync($"cat {loop}/ro {loop}/queue/logical_block_size {loop}/loop/dio"));
            if (round == 0) await Command.ShellAsync($"seq 300000 > {target}/numbers; sync {target}/numbers; head -c 5000000 /dev/urandom > {target}/gone; rm {target}/gone; fstrim {target}");
            else await Command.ShellAsync($"seq 300000 | cmp - {target}/numbers");
            await mounts.DetachAsync(target);
            await served.Server.ClosedAsync("device", TestContext.Current.CancellationToken);
            await Wait.UntilAsync(() => !File.Exists($"{loop}/loop/backing_file"));
            await CheckAsync(served, disk, clean: true);
        }

        Assert.True(disk.Flushes > 0);
    }

    [Fact]
    public async Task An_ext4_that_was_not_unmounted_is_mended_before_it_is_mounted()
    {
        await using ServedDisks served = await ServedDisks.StartAsync(server => server with { Writable = true });
        await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), served.Log.Enqueue);
        WritableMemoryDisk disk = await FormatAsync(served, "-O ^has_journal");
        string copy = Path.Combine(served.Directory, "copy");
        await File.WriteAllBytesAsync(copy, disk.Bytes, TestContext.Current.CancellationToken);
        await Command.ShellAsync($"debugfs -w -R 'set_super_value state 0' {copy} 2>/dev/null; debugfs -w -R 'freeb 700 200' {copy} 2>/dev/null; debugfs -w -R 'set_super_value free_blocks_count 3' {copy} 2>/dev/null");
        (await File.ReadAllBytesAsync(copy, TestContext.Current.CancellationToken)).CopyTo(disk.Bytes, 0);
        await mounts.CheckAsync(served.Add(disk));
        Assert.Contains(served.Log, line => line.Contains("e2fsck -p ended with", StringComparison.Ordinal));
        await served.Server.ClosedAsync("device", TestContext.Current.CancellationToken);
        await CheckAsync(served, disk, clean: true);
        disk.Bytes.AsSpan().Clear();
        SluiceException lost = await Assert.ThrowsAsync<SluiceException>(() => mounts.CheckAsync(Path.Combine(served.MountPoint, "device")));
        Assert.Contains("can't be mended", lost.Message, StringComparison.Ordinal);
    }

    private static async Task<WritableMemoryDisk> FormatAsync(ServedDisks served, string options)
    {
        string device = Path.Combine(served.Directory, "device.ext4");
        await Command.ShellAsync($"mke2fs -q -t ext4 {options} {device} 32M");
        var disk = new WritableMemoryDisk("device", 32 << 20);
        (await File.ReadAllBytesAsync(device, TestContext.Current.CancellationToken)).CopyTo(disk.Bytes, 0);
        return disk;
    }

    private static async Task CheckAsync(ServedDisks served, WritableMemoryDisk disk, bool clean)
    {
        string copy = Path.Combine(served.Directory, "copy");
        await File.WriteAllBytesAsync(copy, disk.Bytes, TestContext.Current.CancellationToken);
        Command.Result check = await Command.RunAsync("e2fsck", "-fn", copy);
        Assert.True(check.ExitCode == 0 == clean, check.Text + check.Errors);
    }
}
