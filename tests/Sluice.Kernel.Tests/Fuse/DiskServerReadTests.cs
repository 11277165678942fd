using Sluice.Kernel.Tests.Support;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Tests.Fuse;

public sealed class DiskServerReadTests
{
    [Fact]
    public async Task Local_bytes_arrive_whatever_the_offset_and_size()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        var disk = new PatternDisk("a", 3 << 20, seed: 1);
        string path = served.Add(disk);
        Assert.Equal(disk.Sha256(), await Command.Sha256Async(path));
        var random = new Random(7);
        for (int i = 0; i < 12; i++)
        {
            long offset = random.NextInt64(disk.Length);
            long length = random.NextInt64(1, Math.Min(300_000, disk.Length - offset + 1));
            Assert.Equal(disk.Expected(offset, length), await Command.ReadAsync(path, offset, length, block: random.Next(1, 70_000)));
        }

        Assert.Equal(0, disk.Misses);
        Assert.Empty(served.Log);
    }

    [Fact]
    public async Task Reads_end_at_the_end_of_the_disk()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        var disk = new PatternDisk("a", 8192, seed: 2);
        string path = served.Add(disk);
        Assert.Equal(disk.Expected(4096 + 4000, 96), await Command.ReadAsync(path, 4096 + 4000, 10_000));
        Assert.Empty(await Command.ReadAsync(path, 8192, 4096));
        Assert.Empty(await Command.ReadAsync(path, 1L << 40, 4096));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_last_page_is_padded_with_zeros(bool local)
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        var disk = new PatternDisk("a", 4096 + 100, seed: 3) { IsLocal = _ => local };
        string path = served.Add(disk);
        byte[] all = await Command.ReadAsync(path, 0, 1 << 20, block: 1 << 20);
        Assert.Equal(disk.Expected(0, 8192), all);
        Assert.Equal(disk.Expected(5000, 3192), await Command.ReadAsync(path, 5000, 4096));
    }

    [Fact]
    public async Task An_empty_disk_is_an_empty_file()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        Assert.Empty(await Command.OutputAsync("cat", served.Add(new PatternDisk("empty", 0, seed: 0))));
    }

    [Fact]
    public async Task Missing_bytes_are_fetched_and_answered_out_of_order()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        var gates = Enumerable.Range(0, 8).Select(_ => new TaskCompletionSource<DiskError>()).ToArray();
        var disk = new PatternDisk("a", 8 << 20, seed: 4) { IsLocal = _ => false };
        disk.Fetch = offset => new ValueTask<DiskError>(gates[offset >> 20].Task);
        string path = served.Add(disk);
        Task<byte[]>[] reads = [.. Enumerable.Range(0, 8).Select(i => Command.ReadAsync(path, (long)i << 20, 1 << 20, block: 1 << 20))];
        await Wait.UntilAsync(() => served.Server.Counters.Fetching == 8);
        for (int i = 7; i >= 0; i--)
        {
            gates[i].SetResult(DiskError.None);
            Assert.Equal(disk.Expected((long)i << 20, 1 << 20), await reads[i]);
        }

        Assert.Equal(8, served.Server.Counters.Misses);
    }

    [Fact]
    public async Task Misses_beyond_the_places_wait_in_line_while_hits_and_names_are_served()
    {
        await using ServedDisks served = await ServedDisks.StartAsync(options => options with { PendingReads = 2, Threads = 2 });
        var gate = new TaskCompletionSource<DiskError>();
        var slow = new PatternDisk("slow", 10 << 20, seed: 5) { IsLocal = _ => false, Fetch = _ => new ValueTask<DiskError>(gate.Task) };
        var fast = new PatternDisk("fast", 1 << 20, seed: 6);
        string slowPath = served.Add(slow);
        string fastPath = served.Add(fast);
        Task<byte[]>[] reads = [.. Enumerable.Range(0, 10).Select(i => Command.ReadAsync(slowPath, (long)i << 20, 4096, block: 4096))];
        await Wait.UntilAsync(() => served.Server.Counters is { Fetching: 2, Waiting: 8 });
        Assert.Equal(2, slow.Misses);
        Assert.Equal(fast.Sha256(), await Command.Sha256Async(fastPath));
        Assert.Equal("fast\nslow\n", await Command.ShellAsync($"ls {served.MountPoint}"));
        gate.SetResult(DiskError.None);
        for (int i = 0; i < 10; i++) Assert.Equal(slow.Expected((long)i << 20, 4096), await reads[i]);
        Assert.True(served.Server.Counters is { Fetching: 0, Waiting: 0 });
    }

    [Fact]
    public async Task A_hanging_disk_leaves_places_for_others()
    {
        await using ServedDisks served = await ServedDisks.StartAsync(options => options with { PendingReads = 4, PendingReadsPerDisk = 2, Threads = 2 });
        var gate = new TaskCompletionSource<DiskError>();
        var hanging = new PatternDisk("hanging", 10 << 20, seed: 5) { IsLocal = _ => false, Fetch = _ => new ValueTask<DiskError>(gate.Task) };
        var other = new PatternDisk("other", 2 << 20, seed: 6) { IsLocal = _ => false, Fetch = async _ => { await Task.Yield(); return DiskError.None; } };
        string path = served.Add(hanging), otherPath = served.Add(other);
        Task<byte[]>[] reads = [.. Enumerable.Range(0, 10).Select(i => Command.ReadAsync(path, (long)i << 20, 4096, block: 4096))];
        await Wait.UntilAsync(() => served.Server.Counters is { Fetching: 2, Waiting: 8 });
        string[] hashes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Command.Sha256Async(otherPath)));
        Assert.All(hashes, hash => Assert.Equal(other.Sha256(), hash));
        Assert.Equal(2, hanging.Misses);
        Assert.True(served.Server.Counters is { Fetching: 2, Waiting: 8 });
        gate.SetResult(DiskError.None);
        for (int i = 0; i < 10; i++) Assert.Equal(hanging.Expected((long)i << 20, 4096), await reads[i]);
        Assert.True(served.Server.Counters is { Fetching: 0, Waiting: 0 });
    }

    [Fact]
    public async Task A_full_line_holds_requests_back_and_loses_none()
    {
        await using ServedDisks served = await ServedDisks.StartAsync(options => options with { PendingReads = 1, WaitingReads = 1, Threads = 2 });
        var gate = new TaskCompletionSource<DiskError>();
        var slow = new PatternDisk("slow", 10 << 20, seed: 5) { IsLocal = _ => false, Fetch = _ => new ValueTask<DiskError>(gate.Task) };
        string path = served.Add(slow);
        Task<byte[]>[] reads = [.. Enumerable.Range(0, 6).Select(i => Command.ReadAsync(path, (long)i << 20, 4096, block: 4096))];
        await Wait.UntilAsync(() => served.Server.Counters is { Misses: 4 }); // fetching, in line, and one in the hands of each thread
        gate.SetResult(DiskError.None);
        for (int i = 0; i < 6; i++) Assert.Equal(slow.Expected((long)i << 20, 4096), await reads[i]);
    }

    [Theory]
    [InlineData("error")]
    [InlineData("late error")]
    [InlineData("throws")]
    [InlineData("late throw")]
    [InlineData("hit throws")]
    public async Task A_failing_disk_is_EIO_and_the_next_read_asks_again(string how)
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        bool broken = true;
        var disk = new PatternDisk("bad", 1 << 20, seed: 8)
        {
            IsLocal = _ => broken && how == "hit throws" && throwIt(),
            Fetch = async _ =>
            {
                if (!broken) return DiskError.None;
                if (how.StartsWith("late", StringComparison.Ordinal)) await Task.Yield();
                return how.EndsWith("error", StringComparison.Ordinal) ? DiskError.InputOutput : throw new InvalidOperationException("test");
            },
        };
        string path = served.Add(disk);
        Command.Result failed = await Command.RunAsync("dd", $"if={path}", "of=/dev/null", "bs=4096", "count=1");
        Assert.NotEqual(0, failed.ExitCode);
        Assert.Contains("Input/output error", failed.Errors, StringComparison.Ordinal);
        Assert.Equal(how.EndsWith("error", StringComparison.Ordinal), served.Log.IsEmpty);
        broken = false;
        Assert.Equal(disk.Expected(0, 4096), await Command.ReadAsync(path, 0, 4096));

        static bool throwIt() => throw new InvalidOperationException("test");
    }

    [Fact]
    public async Task Many_readers_with_a_mix_of_hits_and_misses_see_right_bytes()
    {
        await using ServedDisks served = await ServedDisks.StartAsync(options => options with { PendingReads = 4 });
        var disk = new PatternDisk("mix", 4 << 20, seed: 9) { IsLocal = offset => (offset >> 16) % 3 != 0, Fetch = async _ => { await Task.Yield(); return DiskError.None; } };
        string path = served.Add(disk);
        string[] hashes = await Task.WhenAll(Enumerable.Range(0, 12).Select(i =>
            Command.ShellAsync($"dd if={path} bs={4096 << (i % 6)} status=none | sha256sum | cut -d' ' -f1")));
        Assert.All(hashes, hash => Assert.Equal(disk.Sha256(), hash.Trim()));
        Assert.True(served.Server.Counters is { Hits: > 0, Misses: > 0, Fetching: 0 });
    }

    [Fact]
    public async Task Hits_allocate_nothing()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        served.Server.Connection.CountAllocations = true;
        string path = served.Add(new PatternDisk("a", 16 << 20, seed: 10));
        await Command.ShellAsync($"dd if={path} of=/dev/null bs=4096 count=1000 status=none");
        long before = served.Server.Connection.Workers.Sum(worker => worker.AllocatedBytes);
        long hits = served.Server.Counters.Hits;
        await Command.ShellAsync($"dd if={path} of=/dev/null bs=4096 status=none");
        long allocated = served.Server.Connection.Workers.Sum(worker => worker.AllocatedBytes) - before;
        Assert.True(served.Server.Counters.Hits - hits >= 4096);
        // LOOKUP and OPEN come once per dd; 4096 reads come between.
        Assert.InRange(allocated, 0, 4096);
    }
}
