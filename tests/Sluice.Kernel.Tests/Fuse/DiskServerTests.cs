using System.Text;
using Sluice.Formats;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Tests.Support;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Tests.Fuse;

public sealed class DiskServerTests
{
    [Fact]
    public async Task A_thousand_disks_are_listed_with_their_sizes()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        string[] names = [.. Enumerable.Range(0, 1000).Select(i => $"disk-{i:D4}-{new string('x', i % 200)}")];
        for (int i = 0; i < names.Length; i++) served.Add(new PatternDisk(names[i], 4096L * i, (ulong)i));
        Assert.Equal(names, Lines(await Command.ShellAsync($"ls -U {served.MountPoint}")));
        string stat = await Command.ShellAsync($"find {served.MountPoint} -type f -printf '%f %s %m %U %i\\n' | sort");
        Assert.Equal(names.Select((name, i) => $"{name} {4096 * i} 400 0 {DiskNode.NumberOf(Encoding.UTF8.GetBytes(name))}").Order(StringComparer.Ordinal), Lines(stat));
        Assert.Equal("dr-x------", (await Command.ShellAsync($"stat -c %A {served.MountPoint}")).Trim());
    }

    [Fact]
    public async Task Three_hundred_disks_are_read_at_once()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        var disks = Enumerable.Range(0, 300).Select(i => new PatternDisk($"d{i:D3}", 4096L * (i + 1), (ulong)i) { IsLocal = _ => i % 2 == 0 }).ToArray();
        foreach (PatternDisk disk in disks) served.Add(disk);
        string sums = await Command.ShellAsync($"cd {served.MountPoint} && ls | xargs -P 8 -n 20 sha256sum | sort -k 2");
        Assert.Equal(disks.Select(disk => $"{disk.Sha256()}  {disk.Name}"), Lines(sums));
    }

    [Fact]
    public async Task Disks_come_and_go_while_mounted()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        string path = served.Add(new PatternDisk("a", 4096, 1));
        served.Add(new PatternDisk("b", 8192, 2));
        Assert.Equal("a\nb\n", await Command.ShellAsync($"ls {served.MountPoint}"));
        Assert.True(await served.Server.RemoveAsync("a"));
        Assert.False(await served.Server.RemoveAsync("a"));
        Assert.Equal("b\n", await Command.ShellAsync($"ls {served.MountPoint}"));
        Assert.NotEqual(0, (await Command.RunAsync("cat", path)).ExitCode);
        var larger = new PatternDisk("a", 12288, 3);
        served.Add(larger);
        Assert.Equal(larger.Expected(0, 12288), await Command.OutputAsync("cat", path));
        SluiceException refused = Assert.Throws<SluiceException>(() => served.Add(new PatternDisk("a", 4096, 1)));
        Assert.Equal(SluiceError.Usage, refused.Error);
        Assert.Equal(2, served.Server.Counters.Disks);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("a\0b")]
    [InlineData("ü256")]
    public async Task Names_that_are_no_file_names_are_refused(string name)
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        if (name == "ü256") name = new string('ü', 128);
        Assert.Equal(SluiceError.Usage, Assert.Throws<SluiceException>(() => served.Add(new PatternDisk(name, 4096, 1))).Error);
    }

    [Fact]
    public async Task A_disk_lives_until_its_last_read_is_answered()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        var gate = new TaskCompletionSource<DiskError>();
        var disk = new PatternDisk("a", 8192, 1) { IsLocal = _ => false, Fetch = _ => new ValueTask<DiskError>(gate.Task) };
        string path = served.Add(disk);
        Task<Command.Result> read = Command.RunAsync("dd", $"if={path}", "bs=4096", "status=none");
        await Wait.UntilAsync(() => served.Server.Counters.Fetching == 1);
        Task<bool> removal = served.Server.RemoveAsync("a");
        Assert.Equal("", await Command.ShellAsync($"ls {served.MountPoint}"));
        Assert.False(removal.IsCompleted);
        gate.SetResult(DiskError.None);
        Assert.True(await removal);
        disk.Dispose();
        Command.Result result = await read;
        Assert.Equal(disk.Expected(0, 4096), result.Output); // and the second block is gone
        Assert.Contains("Input/output error", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_can_be_written_or_made()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        string path = served.Add(new PatternDisk("a", 4096, 1));
        foreach (string script in (string[])[$"echo x >> {path}", $"rm {path}", $"touch {served.MountPoint}/new", $"ln {path} {served.MountPoint}/new", $"chmod 777 {path}"])
        {
            Assert.NotEqual(0, (await Command.RunAsync("bash", "-c", script)).ExitCode);
        }

        await Command.ShellAsync($"stat -f {served.MountPoint} && getfattr -d {path} || true");
        Assert.Empty(served.Log);
    }

    [Fact]
    public async Task A_complete_disk_is_read_by_the_kernel_itself()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        if (!served.Server.Session.Passthrough) Assert.Skip("the kernel has no FUSE passthrough");
        var content = new PatternDisk("a", 1 << 20, 4);
        string file = Path.Combine(served.Directory, "complete");
        content.WriteTo(file);
        using var disk = new FileDisk("a", file, complete: true);
        string path = served.Add(disk);
        for (int i = 0; i < 2; i++) Assert.Equal(content.Sha256(), await Command.Sha256Async(path));
        AssertServedBy("passthrough", served.Server.Counters);
        Assert.True(Assert.Single(served.Server.BackingIds).Value > 0);
        await served.Server.RemoveAsync("a");
        Assert.Empty(served.Server.BackingIds);
        Assert.Empty(served.Log);
    }

    [Fact]
    public async Task A_disk_that_becomes_complete_changes_over_at_the_next_open()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        if (!served.Server.Session.Passthrough) Assert.Skip("the kernel has no FUSE passthrough");
        var disk = new PatternDisk("a", 1 << 20, 4);
        string file = Path.Combine(served.Directory, "complete");
        disk.WriteTo(file);
        string path = served.Add(disk);
        // Descriptor 3 stays open from before; it goes on being served while new opens pass through.
        Task<string> held = Command.ShellAsync($"exec 3< {path}; dd bs=4096 count=1 <&3 status=none > /dev/null; echo $$ > {served.Directory}/held; " +
            $"while [ ! -e {served.Directory}/go ]; do sleep 0.01; done; sha256sum <&3 | cut -d' ' -f1");
        await Wait.UntilAsync(() => File.Exists(Path.Combine(served.Directory, "held")));
        using var complete = File.OpenHandle(file);
        disk.CompleteFile = complete;
        long hits = served.Server.Counters.Hits;
        Assert.Equal(disk.Sha256(), await Command.Sha256Async(path));
        Assert.Equal(hits, served.Server.Counters.Hits);
        File.WriteAllText(Path.Combine(served.Directory, "go"), "");
        string rest = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(disk.Expected(4096, (1 << 20) - 4096)));
        Assert.Equal(rest, (await held).Trim());
        Assert.True(served.Server.Counters.Hits > hits);
    }

    [Fact]
    public async Task A_file_of_the_wrong_size_is_never_passed_through()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        string file = Path.Combine(served.Directory, "short");
        File.WriteAllBytes(file, new byte[4096]);
        using var handle = File.OpenHandle(file);
        var disk = new PatternDisk("a", 8192, 4) { CompleteFile = handle };
        Assert.Equal(disk.Expected(0, 8192), await Command.OutputAsync("cat", served.Add(disk)));
        Assert.Contains("4096 bytes", Assert.Single(served.Log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Starting_again_replaces_a_dead_mount()
    {
        await using ServedDisks served = await ServedDisks.StartAsync();
        FuseAbort.Abort(MountTable.Find(served.MountPoint)!.Minor);
        await served.Server.Ended;
        Assert.NotEqual(0, (await Command.RunAsync("ls", served.MountPoint)).ExitCode);
        await using DiskServer second = await DiskServer.StartAsync(new DiskServerOptions { MountPoint = served.MountPoint }, served.Log.Enqueue);
        var disk = new PatternDisk("a", 8192, 1);
        Assert.Equal(disk.Expected(0, 8192), await Command.OutputAsync("cat", second.Add(disk)));
        Assert.Single(MountTable.Below(served.MountPoint));
    }

    [Fact]
    public async Task An_unmount_that_hangs_ends_in_an_abort()
    {
        ServedDisks served = await ServedDisks.StartAsync(options => options with { UnmountDeadline = TimeSpan.FromMilliseconds(50) });
        var gate = new TaskCompletionSource<DiskError>();
        string path = served.Add(new PatternDisk("a", 8192, 1) { IsLocal = _ => false, Fetch = _ => new ValueTask<DiskError>(gate.Task) });
        Task<Command.Result> reader = Command.RunAsync("cat", path);
        await Wait.UntilAsync(() => served.Server.Counters.Fetching == 1);
        await served.DisposeAsync();
        Assert.NotEqual(0, (await reader).ExitCode);
        gate.SetResult(DiskError.None); // the late answer finds a closed connection
        await Wait.UntilAsync(() => served.Server.Counters.Fetching == 0);
    }

    internal static void AssertServedBy(string how, DiskServerCounters counters)
    {
        Assert.Equal((how == "hits", how == "misses"), (counters.Hits > 0, counters.Misses > 0));
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
