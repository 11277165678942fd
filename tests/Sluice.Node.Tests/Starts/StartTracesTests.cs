using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Formats.Oci;
using Sluice.Node.Starts;
using Sluice.Node.Tests.Support;
using Sluice.Storage.Activity;
using Sluice.Storage.Fetching;
using Sluice.Storage.Traces;
using Sluice.Testing;

namespace Sluice.Node.Tests.Starts;

/// <summary>Which trace is followed at the next start of an image.</summary>
public sealed class StartTracesTests : IDisposable
{
    private static readonly Digest Image = Digest.Sha256("image"u8), Blob = Digest.Sha256("blob"u8);
    private static readonly StartCommand Server = StartCommand.Of(["/server", "--password=x"]), Worker = StartCommand.Of(["/worker"]);

    private readonly TemporaryDirectory _directory = new();

    private string Traces => _directory.File("traces");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task EachCommandHasItsTraceAndThePlanIsOfAllTheLatestFirst()
    {
        StartTraces traces = New();
        Assert.Null(await traces.FindAsync(Image));
        Assert.True(traces.TrySave(Trace(Server, 1, 2, 3)));
        SetAge(Server, 2);
        Assert.True(traces.TrySave(Trace(Worker, 3, 7)));
        SetAge(Worker, 1);
        Assert.Equal((int[])[3, 7, 1, 2], Pages((await traces.FindAsync(Image))!));
        Assert.Equal(Worker, (await traces.LatestAsync(Image))!.Command);

        Assert.True(traces.TrySave(Trace(Server, 1, 2, 4)));
        Assert.Equal((int[])[1, 2, 4, 3, 7], Pages((await New().FindAsync(Image))!)); // by another process, too
    }

    [Fact]
    public void AShortStartDisplacesNoTraceOfItsCommandAtOnce()
    {
        StartTraces traces = New();
        Assert.True(traces.TrySave(Trace(Server, 1, 2, 3, 4, 5)));
        Assert.True(traces.TrySave(Trace(Worker, 9))); // of another
        Assert.False(traces.TrySave(Trace(Server, 1)));
        Assert.False(traces.TrySave(Trace(Server, 1)));
        Assert.True(traces.TrySave(Trace(Server, 1))); // so it is
        Assert.False(traces.TrySave(new StartTrace(Image, [])));
    }

    /// <summary>One of a container on an image that was mounted before.</summary>
    [Fact]
    public void AWarmStartDisplacesNoColdTrace()
    {
        StartTraces traces = New();
        Assert.True(traces.TrySave(Trace(Server, 1, 2, 3)));
        for (int i = 0; i < 4; i++) Assert.False(traces.TrySave(Warm(Server, 1, 2, 3, 4)));
        Assert.True(traces.TrySave(Warm(Worker, 7)));
        Assert.False(traces.TrySave(Warm(Worker, 8)));
        Assert.True(traces.TrySave(Warm(Worker, 7, 8)));
        Assert.True(traces.TrySave(Trace(Worker, 7, 9)));
        for (int command = 0; command < 3; command++) Assert.Equal(command < 2, traces.TrySave(Warm(StartCommand.Of([$"/{command}"]), command)));
        Assert.Equal(2, new TraceStore(Traces).Load(Image).Count(trace => trace.IsWarm));

        static StartTrace Warm(StartCommand command, params int[] pages) => Trace(command, pages) with { IsWarm = true };
    }

    [Fact]
    public async Task ColdTracesOutliveWarmOnesAndAreWhatIsGivenToOthers()
    {
        StartTraces traces = New();
        Assert.True(traces.TrySave(Trace(Server, 1, 2, 3)));
        for (int command = 0; command < 3; command++) Assert.True(traces.TrySave(Trace(StartCommand.Of([$"/{command}"]), 1, 2, 3, 4, command) with { IsWarm = true }));
        Assert.Equal((int[])[1, 2, 3], Pages((await traces.LatestAsync(Image))!));
        Assert.True(traces.TrySave(Trace(Worker, 7)));
        Assert.Equal(2, new TraceStore(Traces).Load(Image).Count(trace => !trace.IsWarm));
        Assert.True(traces.TrySave(Trace(StartCommand.Of(["/2"]), 9))); // little, and in the place of a warm one
        Assert.False(new TraceStore(Traces).Load(Image)[0].IsWarm);
    }

    [Fact]
    public void WhenTheCommandIsKnownItsTraceIsFollowedAlone()
    {
        StartTraces traces = New();
        Assert.True(traces.TrySave(Trace(Server, 1, 2, 3)));
        Assert.Null(traces.FindOf(Image, Worker));
        Assert.True(traces.TrySave(Trace(Worker, 7) with { IsWarm = true }));
        Assert.Equal((int[])[1, 2, 3], Pages(traces.FindOf(Image, Server)!));
        Assert.Equal((int[])[7, 1, 2, 3], Pages(traces.FindOf(Image, Worker)!)); // what the kernel had is missing in its own
        Assert.True(traces.TrySave(Trace(Worker, 3, 7)));
        Assert.Equal((int[])[3, 7], Pages(traces.FindOf(Image, Worker)!));
    }

    /// <summary>Of an image without blobs all ranges are foreign: so their number tells which plan was followed.</summary>
    [Fact]
    public async Task APlanThatIsNarrowedBeforeItBeginsIsThatOfTheCommandAndWhatTheImageHasNotIsSaidOnce()
    {
        ListLogger log = new();
        TaskCompletionSource<StartTrace?> found = new();
        PlanRun plan = PlanRun.Begin("r.example/app:v1", _ => found.Task, (run, end) => run.RunAsync(new Dictionary<Digest, BlobReader>(), rate: null, mayEvict: true, end), former: null, log);
        plan.Narrow(Trace(Server, 100, 200));
        found.SetResult(Trace(null, 100, 200, 300, 400));
        while (log.Lines.Count < 2) await Task.Delay(10, TestContext.Current.CancellationToken);
        Assert.Equal(2, Assert.Single(await plan.EndAsync()).LeftOut);
        Assert.Equal([156, 150], log.Lines.Select(line => line.Number));
        Assert.StartsWith("2 ranges", log.Lines[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OfAMountOneStartGoesOnAtATime()
    {
        List<bool> begun = [];
        ImageActivity activity = new("image");
        MountStarts starts = new(isFirst =>
        {
            begun.Add(isFirst);
            PlanRun plan = PlanRun.Begin("image", _ => Task.FromResult<StartTrace?>(null), (_, _) => Task.CompletedTask, former: null, NullLogger.Instance);
            return new ImageStart(Image, activity, plan, new Dictionary<Digest, BlobReader>(), _ => Task.FromResult<StartCommand?>(Server), keeps: _ => true, save: _ => true, NullLogger.Instance);
        });
        Assert.Null(starts.Latest);
        for (int i = 0; i < 3; i++) starts.Begin();
        Assert.Equal([true], begun);
        ImageStart first = starts.Latest!;
        await first.EndAsync(now: true, TestContext.Current.CancellationToken);
        Assert.Null(activity.Recorder);
        for (int i = 0; i < 3; i++) starts.Begin();
        Assert.Equal([true, false], begun);
        Assert.NotSame(first, starts.Latest);
        Assert.NotNull(activity.Recorder);
        await starts.DisposeAsync();
        starts.Begin();
        Assert.Equal(2, begun.Count);
        Assert.Null(activity.Recorder);
    }

    [Fact]
    public async Task WhatIsSeenCountsMoreThanWhatTheImageSaysAndWhatIsDamagedDoesNotCount()
    {
        List<string> warnings = [];
        StartTraces traces = new(new TraceStore(Traces, warnings.Add));
        Assert.Equal((int[])[5], Pages((await traces.FindAsync(Image, () => Task.FromResult<StartTrace?>(Trace(null, 5))))!));
        Assert.Null(await traces.FindAsync(Image, () => Task.FromResult<StartTrace?>(null)));
        Assert.True(traces.TrySave(Trace(null, 6)));
        Assert.Equal((int[])[6], Pages((await traces.FindAsync(Image, () => throw new InvalidOperationException("nobody asks")))!));
        Assert.Empty(warnings);
        string file = Assert.Single(Directory.GetFiles(Traces));
        await File.WriteAllTextAsync(file, "{");
        for (int i = 0; i < 2; i++) Assert.Equal((int[])[5], Pages((await traces.FindAsync(Image, () => Task.FromResult<StartTrace?>(Trace(null, 5))))!));
        Assert.StartsWith(file, Assert.Single(warnings), StringComparison.Ordinal); // once
    }

    [Fact]
    public void OfAnImageTheLatestFewAreKept()
    {
        StartTraces traces = New();
        for (int command = 0; command < 7; command++)
        {
            StartCommand one = StartCommand.Of([$"/{command}"]);
            Assert.True(traces.TrySave(Trace(one, command)));
            SetAge(one, 10 - command);
        }

        Assert.Equal([6, 5, 4, 3], new TraceStore(Traces).Load(Image).Select(trace => Pages(trace)[0]));
        Assert.True(traces.TrySave(Trace(null, 1) with { Manifest = Blob }));
        Assert.Single(new TraceStore(Traces).Load(Blob));
    }

    [Fact]
    public void WhatWasFetchedAheadIsCounted()
    {
        StartTraces traces = New();
        traces.Count(Trace(Server, 1, 2) with { Ahead = new PrefetchOutcome(100, 30) });
        traces.Count(new StartTrace(Image, []) { Ahead = new PrefetchOutcome(10, 10) });
        Assert.Equal(new PrefetchOutcome(110, 40), traces.Ahead);
    }

    [Fact]
    public async Task WhatPolicyDoesNotKeepIsKeptAlsoIfSomebodyAsksForItAfterTheEnd()
    {
        List<StartTrace> saved = [];
        PlanRun plan = PlanRun.Begin("image", _ => Task.FromResult<StartTrace?>(null), (_, _) => Task.CompletedTask, former: null, NullLogger.Instance);
        ImageStart start = new(
            Image, new ImageActivity("image"), plan, new Dictionary<Digest, BlobReader>(), _ => Task.FromResult<StartCommand?>(Server), keeps: _ => false, save: trace =>
            {
                saved.Add(trace);
                return true;
            }, NullLogger.Instance);
        await start.DisposeAsync();
        Assert.Empty(saved);
        for (int i = 0; i < 2; i++) await start.EndAsync(now: false, TestContext.Current.CancellationToken);
        Assert.Equal(Server, Assert.Single(saved).Command);
    }

    [Fact]
    public void ATraceGivesNoArgumentsAway()
    {
        string file = System.Text.Encoding.UTF8.GetString(TraceFile.Write(Trace(Server, 1)));
        Assert.Contains("/server", file, StringComparison.Ordinal);
        Assert.DoesNotContain("password", file, StringComparison.Ordinal);
        Assert.Equal(Server, TraceFile.Read(System.Text.Encoding.UTF8.GetBytes(file)).Command);
        Assert.NotEqual(Server, StartCommand.Of(["/server", "--password=y"]));
        Assert.Null(StartCommand.Parse("/server", "../../etc/passwd"));
    }

    private StartTraces New() => new(new TraceStore(Traces));

    private void SetAge(StartCommand command, int minutes) => File.SetLastWriteTimeUtc(Path.Combine(Traces, $"{Image.Hex}-{command.Id}.json"), DateTime.UtcNow.AddMinutes(-minutes));

    private static StartTrace Trace(StartCommand? command, params int[] pages) =>
        new(Image, [.. pages.Select(page => new TraceRead(Blob, page * 4096, 4096, TimeSpan.FromMilliseconds(page), false))]) { Command = command };

    private static int[] Pages(StartTrace trace) => [.. trace.Reads.Select(read => (int)(read.Offset / 4096))];
}
