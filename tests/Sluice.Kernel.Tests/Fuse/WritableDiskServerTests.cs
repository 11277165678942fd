using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Tests.Support;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Tests.Fuse;

/// <summary>Disks that take writes, through the kernel.</summary>
public sealed class WritableDiskServerTests
{
    private const int Size = 8 << 20;

    [Theory]
    [InlineData("bs=1M")]
    [InlineData("bs=512 oflag=direct count=64")]
    [InlineData("bs=4096 oflag=direct conv=notrunc count=300")]
    public async Task What_is_written_arrives_and_fsync_flushes_it(string how)
    {
        await using ServedDisks served = await StartAsync();
        var disk = new WritableMemoryDisk("a", Size);
        string path = served.Add(disk), source = Path.Combine(served.Directory, "source");
        await Command.ShellAsync($"head -c {Size} /dev/urandom > {source}; dd if={source} of={path} {how} conv=notrunc,fsync status=none");
        byte[] written = await File.ReadAllBytesAsync(source, TestContext.Current.CancellationToken);
        int length = disk.Bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        Assert.True(length > 30000);
        Assert.True(written.AsSpan(0, length).SequenceEqual(disk.Bytes.AsSpan(0, length)));
        Assert.True(disk.Flushes >= 1);
        Assert.Equal(disk.Bytes, await Command.OutputAsync("cat", path));
        Assert.Equal("-rw-------", (await Command.ShellAsync($"stat -c %A {path}")).Trim());
        Assert.False(MountTable.Find(served.MountPoint)!.IsReadOnly);
    }

    [Fact]
    public async Task Holes_are_discards_and_everything_else_about_the_file_stays()
    {
        await using ServedDisks served = await StartAsync();
        var disk = new WritableMemoryDisk("a", Size);
        Array.Fill(disk.Bytes, (byte)1);
        string path = served.Add(disk);
        await Command.ShellAsync($"fallocate -p -o 4096 -l 8192 {path}; fallocate -z -n -o 65536 -l 4096 {path}; truncate -s {Size} {path}");
        Assert.Equal([1, 0, 0, 1, 1, 0, 0, 1], new[] { 4095, 4096, 12287, 12288, 65535, 65536, 69631, 69632 }.Select(at => (int)disk.Bytes[at]));
        Assert.Equal(12288, disk.Bytes.Count(value => value == 0));
        foreach ((string command, string says) in new[]
        {
            ($"fallocate -o 0 -l 4096 {path}", "not supported"), ($"fallocate -z -o {Size} -l 4096 {path}", "not supported"), ($"truncate -s 0 {path}", "not permitted"),
            ($"chmod 644 {path}", "not permitted"), ($"touch {path}", "not permitted"), ($"rm {path}", "not permitted"), ($"mv {path} {path}2", "not permitted"),
            ($"echo x > {path}2", "not permitted"), ($"mkdir {path}2", "not permitted"), ($"ln {path} {path}2", "not permitted"), ($"echo x > {path}", "not permitted"),
        })
        {
            Command.Result refused = await Command.RunAsync("sh", "-c", command);
            Assert.True(refused.ExitCode != 0 && refused.Errors.Contains(says, StringComparison.Ordinal), $"{command}: {refused.ExitCode} {refused.Errors}");
        }

        Assert.Equal(1, disk.Bytes[0]);
    }

    [Fact]
    public async Task Errors_are_those_of_the_disk_and_are_logged_once()
    {
        await using ServedDisks served = await StartAsync();
        var disk = new WritableMemoryDisk("a", Size) { WriteError = DiskError.NoSpace };
        string path = served.Add(disk), readOnly = served.Add(new PatternDisk("b", Size, 1));
        async Task FailsAsync(string command, string says)
        {
            Command.Result result = await Command.RunAsync("sh", "-c", command);
            Assert.True(result.ExitCode != 0 && result.Errors.Contains(says, StringComparison.Ordinal), $"{command}: {result.ExitCode} {result.Errors}");
        }

        for (int i = 0; i < 2; i++) await FailsAsync($"dd if=/dev/zero of={path} bs=4096 count=1 conv=notrunc", "No space left");
        Assert.Single(served.Log, line => line.Contains("No space left", StringComparison.Ordinal));
        disk.WriteError = DiskError.None;
        disk.FlushError = DiskError.InputOutput;
        await FailsAsync($"dd if=/dev/zero of={path} bs=4096 count=1 conv=notrunc,fsync", "Input/output error");
        disk.FlushError = DiskError.None;
        await Command.ShellAsync($"dd if=/dev/zero of={path} bs=4096 count=1 conv=notrunc,fsync status=none");
        await FailsAsync($"dd if=/dev/zero of={path} bs=100 count=1 oflag=seek_bytes seek=4096 conv=notrunc", "Invalid argument");
        await FailsAsync($"dd if=/dev/zero of={readOnly} bs=4096 count=1 conv=notrunc", "Permission denied");
        Assert.Equal("-r--------", (await Command.ShellAsync($"stat -c %A {readOnly}")).Trim());
    }

    [Fact]
    public async Task A_flush_that_hangs_holds_up_no_reader_and_no_other_disk()
    {
        await using ServedDisks served = await StartAsync();
        using ManualResetEventSlim gate = new();
        var disk = new WritableMemoryDisk("a", Size) { OnFlush = gate.Wait };
        var other = new WritableMemoryDisk("b", Size);
        disk.Bytes.AsSpan().Fill(3);
        string path = served.Add(disk);
        Task<byte[]>[] syncs = [.. Enumerable.Range(0, 12).Select(_ => Command.OutputAsync("sync", path))];
        try
        {
            // Writes to the same file wait in the kernel, which holds the inode's lock during an fsync.
            await Command.ShellAsync($"dd if=/dev/urandom of={served.Add(other)} bs=1M count=8 conv=notrunc,fsync status=none");
            Assert.Equal(disk.Bytes, await Command.OutputAsync("cat", path));
            Assert.Equal(0, disk.Flushes);
            Assert.Equal(1, other.Flushes);
            await Wait.UntilAsync(() => served.Server.CountOpen(TimeSpan.FromMilliseconds(1)).Hung > 0);
            OpenRequests open = served.Server.CountOpen(TimeSpan.FromHours(1));
            Assert.True(open is { Waiting: > 0, Hung: 0 } && open.Longest > TimeSpan.Zero, $"{open}");
        }
        finally
        {
            gate.Set();
            await Task.WhenAll(syncs);
        }

        Assert.InRange(disk.Flushes, 1, 12);
        Assert.Equal(default, served.Server.CountOpen(TimeSpan.Zero));
    }

    [Fact]
    public async Task Writes_that_wait_for_a_flush_hold_up_no_other_disk_and_are_done_then()
    {
        await using ServedDisks served = await ServedDisks.StartAsync(options => options with { Writable = true, Threads = 1 });
        using ManualResetEventSlim room = new();
        WritableMemoryDisk slow = new("a", Size) { Room = room, OnFlush = room.Wait }, discarded = new("b", Size) { Room = room, OnFlush = room.Wait };
        var other = new WritableMemoryDisk("c", Size);
        discarded.Bytes.AsSpan().Fill(3);
        string path = served.Add(slow), source = Path.Combine(served.Directory, "source");
        await Command.ShellAsync($"head -c 1048576 /dev/urandom > {source}");
        Task<string>[] writes =
        [
            Command.ShellAsync($"dd if={source} of={path} bs=256K conv=notrunc,fsync oflag=direct status=none"),
            Command.ShellAsync($"fallocate -p -o 4096 -l 8192 {served.Add(discarded)}"),
        ];
        try
        {
            await Command.ShellAsync($"dd if={source} of={served.Add(other)} bs=256K conv=notrunc,fsync status=none");
            Assert.Equal(slow.Bytes, await Command.OutputAsync("cat", path));
            Assert.DoesNotContain(writes, write => write.IsCompleted);
        }
        finally
        {
            room.Set();
            await Task.WhenAll(writes);
        }

        byte[] written = await File.ReadAllBytesAsync(source, TestContext.Current.CancellationToken);
        Assert.True(slow.Bytes.AsSpan(0, written.Length).SequenceEqual(written));
        Assert.Equal(8192, discarded.Bytes.Count(value => value == 0));
        slow.Room = new ManualResetEventSlim(); // and what fails behind a flush is said, too
        slow.OnFlush = slow.Room.Set;
        slow.WriteError = DiskError.NoSpace;
        Command.Result refused = await Command.RunAsync("sh", "-c", $"dd if={source} of={path} bs=4096 count=1 conv=notrunc oflag=direct");
        Assert.Contains("No space left", refused.Errors, StringComparison.Ordinal);
        slow.Room.Dispose();
    }

    [Fact]
    public async Task A_disk_that_wants_a_flush_gets_one_unasked()
    {
        await using ServedDisks served = await StartAsync();
        var disk = new WritableMemoryDisk("a", Size) { WantsFlush = true };
        await Command.ShellAsync($"dd if=/dev/zero of={served.Add(disk)} bs=4096 count=1 conv=notrunc status=none");
        await Wait.UntilAsync(() => disk.Flushes > 0);
    }

    [Fact]
    public async Task Writes_allocate_nothing()
    {
        await using ServedDisks served = await StartAsync();
        served.Server.Connection.CountAllocations = true;
        string path = served.Add(new WritableMemoryDisk("a", 64 << 20));
        await Command.ShellAsync($"dd if=/dev/zero of={path} bs=4096 count=2000 conv=notrunc status=none");
        long before = served.Server.Connection.Workers.Sum(worker => worker.AllocatedBytes);
        await Command.ShellAsync($"dd if=/dev/zero of={path} bs=4096 conv=notrunc count=8000 status=none");
        Assert.InRange(served.Server.Connection.Workers.Sum(worker => worker.AllocatedBytes) - before, 0, 4096);
    }

    [Fact]
    public async Task A_disk_is_closed_when_its_last_user_has_gone()
    {
        await using ServedDisks served = await StartAsync();
        string path = served.Add(new WritableMemoryDisk("a", Size));
        Assert.False(served.Server.IsOpen("a"));
        using var reader = System.Diagnostics.Process.Start("sleep", "1000");
        try
        {
            using var holder = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("sh", ["-c", $"exec 3<>{path}; exec sleep 1000"]))!;
            await Wait.UntilAsync(() => served.Server.IsOpen("a"));
            Task closed = served.Server.ClosedAsync("a", TestContext.Current.CancellationToken);
            holder.Kill();
            await closed;
        }
        finally
        {
            reader.Kill();
        }
    }

    [Fact]
    public async Task A_file_that_is_open_since_its_disk_was_removed_never_reaches_the_next_disk_of_that_name()
    {
        await using ServedDisks served = await StartAsync();
        WritableMemoryDisk first = new("a", Size), second = new("a", Size);
        string path = served.Add(first), said = Path.Combine(served.Directory, "said"), go = Path.Combine(served.Directory, "go");
        string script = $"exec 3<>{path}; touch {said}; while [ ! -e {go} ]; do sleep 0.02; done; head -c 4096 /dev/urandom >&3 && exit 7; cat <&3 > /dev/null && exit 8; sync {said}; exit 0";
        using var old = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("sh", ["-c", script]) { RedirectStandardError = true })!;
        try
        {
            await Wait.UntilAsync(() => File.Exists(said));
            Assert.True(await served.Server.RemoveAsync("a"));
            served.Add(second);
            await Command.ShellAsync($"dd if=/dev/zero of={path} bs=4096 count=1 conv=notrunc,fsync status=none");
            using FileStream open = File.OpenRead(path);
            await File.WriteAllTextAsync(go, "", TestContext.Current.CancellationToken);
            await old.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, old.ExitCode);
            Assert.Contains("Input/output error", await old.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
            Assert.True(served.Server.IsOpen("a"));
        }
        finally
        {
            if (!old.HasExited) old.Kill();
        }

        Assert.Equal(-1, first.Bytes.AsSpan().IndexOfAnyExcept((byte)0));
        Assert.Equal(-1, second.Bytes.AsSpan().IndexOfAnyExcept((byte)0));
    }

    private static Task<ServedDisks> StartAsync() => ServedDisks.StartAsync(options => options with { Writable = true });
}
