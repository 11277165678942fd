using System.Collections.Concurrent;
using Sluice.Storage.Activity;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Fetching;

/// <summary>What an operator is told of the read path, and limits that change while it works.</summary>
public sealed class FetchEventTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ConcurrentQueue<FetchEvent> _events = [];
    private readonly SyntheticBlob _blob = SyntheticBlob.Create(1, 8);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task EachIncidentIsOneEventWithImageAndCause()
    {
        using CacheDirectory directory = new(_directory.Path);
        using Fetcher fetcher = new(Options());
        ScriptedSource source = new(_blob.Stored) { Spoil = static (_, bytes) => bytes.Span.Clear() };
        using FilesystemDisk disk = Open(directory, fetcher, source);
        Assert.Equal(DiskError.InputOutput, await disk.ReadAsync(0, new byte[4096]));
        Assert.Equal((FetchEventKind.WrongBytes, "r/app:v1", FetchCause.Demand), Parts(Assert.Single(_events)));
        Assert.StartsWith($"blob {_blob.Blob}", _events.First().Message, StringComparison.Ordinal);

        _events.Clear();
        ScriptedSource broken = new(_blob.Stored, "broken") { Script = static (_, _, _) => throw new IOException("broken off") };
        using FilesystemDisk pair = Open(directory, fetcher, broken, new ScriptedSource(_blob.Stored, "good"));
        await Rig.AssertReadAsync(pair, _blob, 0, 4096);
        Assert.Equal((FetchEventKind.Recovered, "r/app:v1", FetchCause.Demand), Parts(Assert.Single(_events)));
        Assert.Contains("broken off", _events.First().Message, StringComparison.Ordinal);
        Assert.Equal(2, fetcher.Counters.Waits.Counts().Sum());
    }

    [Fact]
    public async Task RotIsToldOfAndFetchedAgain()
    {
        using (CacheDirectory directory = new(_directory.Path))
        {
            using Fetcher fetcher = new(Options());
            using FilesystemDisk disk = Open(directory, fetcher, new ScriptedSource(_blob.Stored));
            await Rig.AssertReadAsync(disk, _blob, 0, _blob.Content.Length);
            Assert.Equal(new DiskFill(_blob.Content.Length, _blob.Content.Length), ((IDisk)disk).Fill);
        }

        string data = Path.Combine(_directory.Path, "sha256", _blob.Blob.Hex, "data");
        using (FileStream file = File.OpenWrite(data))
        {
            file.Position = 5 * 4096;
            file.Write(new byte[4096]);
        }

        using CacheDirectory later = new(_directory.Path);
        using Fetcher again = new(Options());
        using FilesystemDisk reopened = Open(later, again, new ScriptedSource(_blob.Stored));
        await Rig.AssertReadAsync(reopened, _blob, 0, _blob.Content.Length);
        FetchEvent rot = Assert.Single(_events, happened => happened.Kind == FetchEventKind.StoredRot);
        Assert.Equal((FetchEventKind.StoredRot, "r/app:v1", null), Parts(rot));
        Assert.Contains("1 of 8 stored chunks", rot.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AShorterDeadlineHoldsForTheNextRead()
    {
        ManualTime time = new();
        using CacheDirectory directory = new(_directory.Path);
        using Fetcher fetcher = new(Options() with { Time = time, RequestDeadline = TimeSpan.FromHours(1), AttemptTimeout = TimeSpan.FromHours(1) });
        ScriptedSource silent = new(_blob.Stored) { Script = static (_, _, cancellation) => Task.Delay(Timeout.Infinite, cancellation) };
        using FilesystemDisk disk = Open(directory, fetcher, silent);
        fetcher.Apply(Rig.NoExtras with { RequestDeadline = TimeSpan.FromSeconds(5), AttemptTimeout = TimeSpan.FromSeconds(5) });
        Task<DiskError> read = disk.ReadAsync(0, new byte[4096]).AsTask();
        await Eventually.TrueAsync(() => silent.Requests.Count == 1);
        time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(DiskError.InputOutput, await read);
        Assert.Contains(_events, happened => happened.Kind is FetchEventKind.DeadlinePassed or FetchEventKind.Unfetchable); // clock and events stay
    }

    private static (FetchEventKind, string, FetchCause?) Parts(FetchEvent happened) => (happened.Kind, happened.Image, happened.Cause);

    private FetchOptions Options() => Rig.NoExtras with { Events = _events.Enqueue };

    private FilesystemDisk Open(CacheDirectory directory, Fetcher fetcher, params ScriptedSource[] sources) =>
        new("disk", new BlobReader(_blob, directory, fetcher, sources, new ImageActivity("r/app:v1")));
}
