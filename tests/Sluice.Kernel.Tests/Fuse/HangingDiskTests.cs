using Sluice.Kernel.Fuse;
using Sluice.Kernel.Tests.Support;

namespace Sluice.Kernel.Tests.Fuse;

/// <summary>The local disk below hangs, in the middle of reads that it should answer at once.</summary>
public sealed class HangingDiskTests
{
    private const int Readers = 8;

    /// <summary>Far more readers than threads: those whose requests no thread could read get their answer like those who hang, and other requests go on.</summary>
    [Fact]
    public async Task Everybody_is_answered_by_the_deadline_and_served_when_it_is_back()
    {
        await using ServedDisks served = await ServedDisks.StartAsync(options => options with { Threads = 2, DeadlinePeriod = TimeSpan.FromMilliseconds(50) });
        using var hangs = new ManualResetEventSlim(initialState: false);
        TimeSpan deadline = TimeSpan.FromSeconds(3);
        using var disk = new PatternDisk("disk", 1 << 20, 1)
        {
            IsLocal = _ =>
            {
                hangs.Wait();
                return true;
            },
        };
        string path = served.Server.Add(disk, () => deadline);
        try
        {
            Command.Result[] read = await Task.WhenAll(Enumerable.Range(0, Readers).Select(i => Command.RunAsync("dd", $"if={path}", "of=/dev/null", "bs=4096", "count=1", $"skip={i}")));
            Assert.All(read, reader => Assert.Contains("Input/output error", reader.Errors, StringComparison.Ordinal));
            Assert.Equal(0, (await Command.RunAsync("ls", "-l", served.MountPoint)).ExitCode);
            Assert.Contains(served.Log, line => line.StartsWith("all 2 threads that serve have been busy", StringComparison.Ordinal));

            // The disk comes back while somebody waits whom only the spare thread has heard.
            deadline = TimeSpan.FromMinutes(10);
            Task<string> waiting = Command.Sha256Async(path);
            await Wait.UntilAsync(() => served.Server.Counters.Waiting == 1);
            Assert.Equal(3, served.Server.Connection.Workers.Count);
            hangs.Set();
            Assert.Equal(disk.Sha256(), await waiting);
            Assert.Equal(disk.Sha256(), await Command.Sha256Async(path));
        }
        finally
        {
            hangs.Set();
        }

        await served.Server.RemoveAsync("disk");
    }

    /// <summary>Memory of reads is given back while others read.</summary>
    [Fact]
    public async Task Reads_go_on_while_memory_is_given_back()
    {
        await using ServedDisks served = await ServedDisks.StartAsync(options => options);
        using var disk = new PatternDisk("disk", 8 << 20, 1) { IsLocal = _ => false };
        string path = served.Server.Add(disk);
        Task<string[]> read = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Command.Sha256Async(path)));
        while (!read.IsCompleted) served.Server.Trim();
        Assert.All(await read, sum => Assert.Equal(disk.Sha256(), sum));
        served.Server.Trim();
        Assert.Equal(disk.Sha256(), await Command.Sha256Async(path));
        await served.Server.RemoveAsync("disk");
    }

    /// <summary>Threads go on in the very moment in which they are found to hang: nobody will be done who could look for a request that is kept then.</summary>
    [Fact]
    public async Task A_request_is_not_left_to_threads_that_hang_no_more()
    {
        await using ServedDisks served = await ServedDisks.StartAsync(options => options with { Threads = 2, DeadlinePeriod = TimeSpan.FromHours(1) });
        using var disk = new PatternDisk("disk", 1 << 20, 1);
        string path = served.Server.Add(disk);
        FuseConnection connection = served.Server.Connection;
        var node = new DiskNode(disk, "other"u8.ToArray(), position: 0, writable: false);
        long now = Environment.TickCount64;
        foreach (FuseWorker worker in connection.Workers) worker.Watch.Begin(node, 0, now - 10_000);
        connection.FindStuck(now);
        Assert.True(connection.AreStuck);
        foreach (FuseWorker worker in connection.Workers) worker.Watch.End();
        Assert.Equal(disk.Sha256(), await Command.Sha256Async(path));
        await served.Server.RemoveAsync("disk");
    }
}
