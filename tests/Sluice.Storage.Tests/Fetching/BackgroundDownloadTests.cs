using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Fetching;

/// <summary>The rest of an image comes by itself, and is in nobody's way.</summary>
public sealed class BackgroundDownloadTests
{
    private const int Chunk = 65536;

    private static readonly DownloadRate Unbound = new(() => 0);

    private static readonly SyntheticBlob Image = SyntheticBlob.Create(81, 128, Chunk);

    [Fact]
    public async Task AllOfItComesInLargeRangesAndNothingTwice()
    {
        using Rig rig = new(Image);
        await rig.AssertReadAsync(5 * Chunk, Chunk);
        Assert.Equal(DownloadEnd.Complete, await RunAsync(rig));
        Assert.NotNull(rig.Disk.CompleteFile);
        Assert.Equal(Image.Stored.Length, rig.Source.Requests.Sum(request => request.Length));
        Assert.InRange(rig.Source.Requests.Count, 2, 10);

        int before = rig.Source.Requests.Count;
        Assert.Equal(DownloadEnd.Complete, await RunAsync(rig));
        Assert.Equal(before, rig.Source.Requests.Count);
    }

    [Fact]
    public async Task WhatWasInterruptedGoesOnWhereItWas()
    {
        using Rig rig = new(Image);
        using CancellationTokenSource stop = new();
        rig.Source.Script = (_, _, _) => rig.Source.Requests.Count > 1 ? stop.CancelAsync() : Task.CompletedTask;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new BackgroundDownload([rig.Disk.Reader], Unbound).RunAsync(stop.Token));
        rig.Source.Script = null;
        Assert.Null(rig.Disk.CompleteFile);
        Assert.Equal(DownloadEnd.Complete, await RunAsync(rig));
        Assert.Equal(Image.Stored.Length, rig.Source.Requests.Sum(request => request.Length));
    }

    [Fact]
    public async Task NothingIsBegunWhileAReadWaits()
    {
        using Rig rig = new(Image);
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task read = rig.AssertReadAsync(Image.Content.Length - Chunk, Chunk);
        await gate.ArrivedAsync(1);
        Task<DownloadEnd> download = RunAsync(rig);
        await Task.Delay(200, TestContext.Current.CancellationToken); // it would have begun by now
        Assert.Single(rig.Source.Requests);
        gate.Open();
        await read;
        Assert.Equal(DownloadEnd.Complete, await download);
    }

    [Fact]
    public async Task ItStopsMidwayWhileAReadOfAnotherImageWaits()
    {
        SyntheticBlob other = SyntheticBlob.Create(82, 4, Chunk);
        ScriptedSource others = new(other.Stored, "others");
        using Rig rig = new(Image);
        using FilesystemDisk disk = rig.Open(other, others);
        (Gate range, Gate read, ManualTime time) = (new Gate(), new Gate(), new ManualTime());
        rig.Source.Script = (_, _, cancellation) => range.PassAsync(cancellation);
        others.Script = (_, _, cancellation) => read.PassAsync(cancellation);
        Task<DownloadEnd> download = new BackgroundDownload([rig.Disk.Reader], Unbound, time).RunAsync(CancellationToken.None);
        await range.ArrivedAsync(1); // the next range waits for room by now, or will

        Task waiting = Rig.AssertReadAsync(disk, other, 0, Chunk);
        await read.ArrivedAsync(1);
        range.Open();
        await Eventually.TrueAsync(() => time.HasTimer(TimeSpan.FromMilliseconds(50))); // there is room, and it looks again later
        long asked = rig.Source.Requests.Sum(request => request.Length);
        Assert.InRange(asked, 1, 3 << 20); // one range of 2 MiB
        time.Advance(TimeSpan.FromMilliseconds(50));
        await Eventually.TrueAsync(() => time.HasTimer(TimeSpan.FromMilliseconds(50)));
        Assert.Equal(asked, rig.Source.Requests.Sum(request => request.Length));

        read.Open();
        await waiting;
        time.Advance(TimeSpan.FromMilliseconds(50));
        Assert.Equal(DownloadEnd.Complete, await download);
        Assert.Equal(Image.Stored.Length, rig.Source.Requests.Sum(request => request.Length));
    }

    [Fact]
    public async Task ItGoesAtTheRateThatIsSet()
    {
        using Rig rig = new(Image);
        ManualTime time = new();
        DownloadRate rate = new(() => 1 << 20, time);
        Task<DownloadEnd> download = new BackgroundDownload([rig.Disk.Reader], rate, time).RunAsync(CancellationToken.None);
        await Eventually.TrueAsync(() => rig.Source.Requests.Count > 0);
        long first = rig.Source.Requests.Sum(request => request.Length);
        Assert.InRange(first, 1, 2 << 20);
        double seconds = 0;
        await Eventually.TrueAsync(() =>
        {
            if (download.IsCompleted) return true;
            time.Advance(TimeSpan.FromMilliseconds(100));
            seconds += 0.1;
            return false;
        });
        Assert.Equal(DownloadEnd.Complete, await download);
        Assert.True(seconds >= (Image.Stored.Length - (2 << 20)) / (double)(1 << 20) - 0.2, $"{Image.Stored.Length} bytes in {seconds} s");
    }

    [Fact]
    public async Task NothingIsPushedOutForIt()
    {
        using Rig rig = new(Image, cacheOptions: new CacheOptions { Quota = DiskShare.OfBytes(4 << 20) });
        await rig.AssertReadAsync(0, 16 * Chunk);
        Assert.Equal(DownloadEnd.NoRoom, await RunAsync(rig));
        Assert.Equal(0, rig.Directory.Counters.EvictedChunks);
        Assert.True(rig.Disk.TryRead(0, new byte[16 * Chunk]));
    }

    [Fact]
    public async Task ARegistryThatIsAwayEndsItForThisTime()
    {
        using Rig rig = new(Image, Rig.NoExtras with { RequestDeadline = TimeSpan.FromSeconds(1) });
        rig.Source.Script = (_, _, _) => throw new IOException("away");
        Assert.Equal(DownloadEnd.Failed, await RunAsync(rig));
        rig.Source.Script = null;
        Assert.Equal(DownloadEnd.Complete, await RunAsync(rig));
    }

    [Fact]
    public async Task AnImageThatIsClosedEndsIt()
    {
        using Rig rig = new(Image);
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        FilesystemDisk other = rig.Open(Image);
        Task<DownloadEnd> download = new BackgroundDownload([other.Reader], Unbound).RunAsync(CancellationToken.None);
        await gate.ArrivedAsync(1);
        other.Dispose();
        gate.Open();
        Assert.Equal(DownloadEnd.Closed, await download);
    }

    private static Task<DownloadEnd> RunAsync(Rig rig) => new BackgroundDownload([rig.Disk.Reader], Unbound).RunAsync(CancellationToken.None);
}
