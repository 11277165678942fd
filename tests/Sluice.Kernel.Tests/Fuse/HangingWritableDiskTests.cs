using Sluice.Kernel.Fuse;
using Sluice.Kernel.Tests.Support;

namespace Sluice.Kernel.Tests.Fuse;

/// <summary>The local disk below a writable one hangs: who writes or flushes gets EIO by the deadline, and the disk is as before when it is back.</summary>
public sealed class HangingWritableDiskTests
{
    private const int Size = 8 << 20;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2); // what is served meanwhile must not miss it on a busy machine

    [Fact]
    public async Task A_flush_that_hangs_ends_by_the_deadline()
    {
        await using ServedDisks served = await StartAsync();
        using ManualResetEventSlim gate = new();
        var disk = new WritableMemoryDisk("a", Size) { OnFlush = gate.Wait };
        string path = served.Server.Add(disk, () => Deadline);
        try
        {
            await AssertFailsAsync($"dd if=/dev/zero of={path} bs=4096 count=1 conv=notrunc,fsync");
            Assert.Equal(default, served.Server.CountOpen(TimeSpan.Zero));

            // The thread still hangs; a flush that waits in line behind it is no better off, and writes go on.
            await AssertFailsAsync($"sync {path}");
            await WriteAsync(path, "count=100");
            Assert.Equal(0, disk.Flushes);
        }
        finally
        {
            gate.Set();
        }

        await AssertWorksAsync(served, disk, path);
    }

    [Theory]
    [InlineData("dd if=/dev/zero of={0} bs=4096 count=1 conv=notrunc oflag=direct")]
    [InlineData("fallocate -p -o 4096 -l 4096 {0}")]
    public async Task A_write_that_hangs_ends_by_the_deadline(string command)
    {
        await using ServedDisks served = await StartAsync();
        using ManualResetEventSlim gate = new();
        WritableMemoryDisk disk = new("a", Size) { OnWrite = gate.Wait }, other = new("b", Size);
        string path = served.Server.Add(disk, () => Deadline), beside = served.Server.Add(other, () => Deadline);
        try
        {
            await AssertFailsAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, command, path));
            Assert.Equal(default, served.Server.CountOpen(TimeSpan.Zero));

            // One of two threads hangs; the other serves everybody else, readers of this disk among them.
            Assert.Equal(disk.Bytes, await Command.OutputAsync("cat", path));
            await AssertWorksAsync(served, other, beside);
        }
        finally
        {
            gate.Set();
        }

        await AssertWorksAsync(served, disk, path);
    }

    [Fact]
    public async Task A_write_that_waits_for_a_flush_that_hangs_ends_by_the_deadline()
    {
        await using ServedDisks served = await StartAsync();
        using ManualResetEventSlim room = new();
        var disk = new WritableMemoryDisk("a", Size) { Room = room, OnFlush = room.Wait };
        string path = served.Server.Add(disk, () => Deadline);
        try
        {
            await AssertFailsAsync($"dd if=/dev/zero of={path} bs=4096 count=1 conv=notrunc oflag=direct");
            Assert.Equal(default, served.Server.CountOpen(TimeSpan.Zero));
        }
        finally
        {
            room.Set();
        }

        await AssertWorksAsync(served, disk, path);
    }

    [Fact]
    public async Task All_threads_that_hang_in_writes_answer_by_the_deadline_and_go_on_afterwards()
    {
        await using ServedDisks served = await StartAsync();
        using ManualResetEventSlim gate = new();
        var disk = new WritableMemoryDisk("a", Size) { OnWrite = gate.Wait };
        var other = new WritableMemoryDisk("b", Size) { OnWrite = gate.Wait };
        string path = served.Server.Add(disk, () => Deadline), beside = served.Server.Add(other, () => Deadline);
        try
        {
            await Task.WhenAll(new[] { path, beside }.Select(file => AssertFailsAsync($"dd if=/dev/zero of={file} bs=4096 count=1 conv=notrunc oflag=direct")));
        }
        finally
        {
            gate.Set();
        }

        await AssertWorksAsync(served, disk, path);
        await AssertWorksAsync(served, other, beside);
    }

    private static Task<ServedDisks> StartAsync() =>
        ServedDisks.StartAsync(options => options with { Writable = true, Threads = 2, DeadlinePeriod = TimeSpan.FromMilliseconds(50) });

    /// <summary>The command ends, long before it would be given up, with an error of the disk.</summary>
    private static async Task AssertFailsAsync(string command)
    {
        Command.Result result = await Command.RunAsync("sh", "-c", command);
        Assert.True(result.ExitCode != 0 && result.Errors.Contains("Input/output error", StringComparison.Ordinal), $"{command}: {result.ExitCode} {result.Errors}");
    }

    private static Task WriteAsync(string path, string how) => Command.ShellAsync($"dd if=/dev/urandom of={path} bs=4096 conv=notrunc status=none {how}");

    /// <summary>What is written now is flushed and read again; nobody minds an answer that came too late.</summary>
    private static async Task AssertWorksAsync(ServedDisks served, WritableMemoryDisk disk, string path)
    {
        int flushes = disk.Flushes;
        await WriteAsync(path, "count=200 conv=fsync");
        Assert.True(disk.Flushes > flushes);
        Assert.True(disk.Bytes.AsSpan(0, 200 * 4096).IndexOfAnyExcept((byte)0) >= 0);
        Assert.Equal(disk.Bytes, await Command.OutputAsync("cat", path));
        Assert.Contains(served.Log, line => line.EndsWith("a request was not done in time (2 s): EIO", StringComparison.Ordinal));
        Assert.DoesNotContain(served.Log, line => line.Contains("reply refused", StringComparison.Ordinal));
    }
}
