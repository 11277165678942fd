using Sluice.Node.Configuration;
using Sluice.Node.Starts;
using Sluice.Storage.Fetching;
using Sluice.Testing;

namespace Sluice.Node.Tests.Starts;

/// <summary>When the rest of an image is downloaded, and when again. What a download does is tested where it is.</summary>
public sealed class BackgroundDownloadsTests
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(1);

    private readonly ManualTime _time = new();
    private readonly Queue<DownloadEnd> _ends = new();
    private int _begun;

    [Theory]
    [InlineData(0, 10)]
    [InlineData(0.5, 15)]
    [InlineData(1, 20)]
    public async Task ItBeginsAfterOnceToTwiceTheDelay(double random, double seconds)
    {
        using BackgroundDownloads downloads = New(random);
        _ends.Enqueue(DownloadEnd.Complete);
        downloads.Begin("image", []);
        await WaitsForAsync(TimeSpan.FromSeconds(seconds));
        _time.Advance(TimeSpan.FromSeconds(seconds) - Moment);
        Assert.Equal(0, _begun);
        _time.Advance(Moment);
        await BegunAsync(1);
        Assert.Equal(0, _time.TimerCount);
    }

    [Fact]
    public async Task WhatFailsIsTriedAgainLessAndLessOften()
    {
        using BackgroundDownloads downloads = New(random: 0);
        foreach (DownloadEnd end in (DownloadEnd[])[DownloadEnd.Failed, DownloadEnd.NoRoom, .. Enumerable.Repeat(DownloadEnd.Failed, 4), DownloadEnd.Complete]) _ends.Enqueue(end);
        downloads.Begin("image", []);
        int begun = 0;
        await WaitsForAsync(TimeSpan.FromSeconds(10));
        _time.Advance(TimeSpan.FromSeconds(10));
        foreach (int minutes in (int[])[1, 2, 4, 8, 15, 15])
        {
            await BegunAsync(++begun);
            await WaitsForAsync(TimeSpan.FromMinutes(minutes));
            _time.Advance(TimeSpan.FromMinutes(minutes));
        }

        await BegunAsync(++begun);
        Assert.Equal((0, 0), (_ends.Count, _time.TimerCount));
    }

    [Fact]
    public async Task TurnedOnItDoesNotWaitForTheNextTry()
    {
        using BackgroundDownloads downloads = New(random: 0);
        _ends.Enqueue(DownloadEnd.Failed);
        _ends.Enqueue(DownloadEnd.Complete);
        downloads.Begin("image", []);
        await WaitsForAsync(TimeSpan.FromSeconds(10));
        _time.Advance(TimeSpan.FromSeconds(10));
        await WaitsForAsync(TimeSpan.FromMinutes(1));
        downloads.Apply(new BackgroundOptions());
        await BegunAsync(2);
    }

    private BackgroundDownloads New(double random) => new(new BackgroundOptions { Delay = TimeSpan.FromSeconds(10) }, Assert.Fail, _time, () => random, (_, _) =>
    {
        Interlocked.Increment(ref _begun);
        return Task.FromResult(_ends.Dequeue());
    });

    private Task WaitsForAsync(TimeSpan left) => UntilAsync(() => _time.HasTimer(left));

    private Task BegunAsync(int count) => UntilAsync(() => Volatile.Read(ref _begun) == count);

    private static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (!condition()) await Task.Delay(1, limit.Token);
    }
}
