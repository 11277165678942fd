using System.Text;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Activity;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Storage.Tests.Fetching;
using Sluice.Storage.Traces;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Traces;

public sealed class TraceTests
{
    private static readonly Digest Manifest = Digest.Sha256("manifest"u8);

    [Fact]
    public async Task TheFirstReadOfEachChunkIsNoted()
    {
        SyntheticBlob blob = SyntheticBlob.Create(61, 16, 8192);
        using Rig rig = new(blob);
        await rig.AssertReadAsync(0, 4096); // before: nobody wants to know
        ImageActivity activity = rig.Disk.Reader.Activity;
        activity.Recorder = new TraceRecorder();
        await rig.AssertReadAsync(5 * 8192, 8192 + 100);
        Assert.True(rig.Disk.TryRead(0, new byte[8192]));
        Assert.True(rig.Disk.TryRead(5 * 8192, new byte[8192]));
        IReadOnlyList<TraceRead> reads = activity.Recorder.Reads();
        Assert.Equal([(5L * 8192, false), (6L * 8192, false), (0L, true)], reads.Select(read => (read.Offset, read.WasHere)));
        Assert.All(reads, read => Assert.Equal((blob.Blob, 8192), (read.Blob, read.Length)));
        Assert.True(activity.Recorder.WasRead(blob.Blob, 6));
        Assert.False(activity.Recorder.WasRead(blob.Blob, 7));
        activity.Recorder = null;
        await rig.AssertReadAsync(10 * 8192, 8192);
    }

    [Fact]
    public async Task AReadSaysWhereItsBytesCameFromAndHowLongItWaited()
    {
        ManualTime time = new();
        SyntheticBlob blob = SyntheticBlob.Create(72, 16, 8192);
        ScriptedSource mirror = new(blob.Stored, "mirror"), registry = new(blob.Stored, "registry");
        using Rig rig = new(blob, Rig.NoExtras with { Time = time }, sources: [mirror, registry]);
        await rig.AssertReadAsync(0, 8192); // before the pull
        ImageActivity activity = rig.Disk.Reader.Activity;
        activity.Origins = new ChunkOrigins();
        Assert.True(await rig.Disk.Reader.PrefetchAsync(8192, 8192, FetchPriority.Prefetch, CancellationToken.None)); // with the pull
        activity.Recorder = new TraceRecorder(time, activity.Origins);
        mirror.Script = (_, _, _) => throw new IOException("away");
        Gate gate = new();
        registry.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task read = rig.AssertReadAsync(3 * 8192, 2 * 8192);
        await gate.ArrivedAsync(1);
        time.Advance(TimeSpan.FromMilliseconds(20));
        gate.Open();
        await read;
        Assert.True(rig.Disk.TryRead(8192, new byte[8192]));
        Assert.True(rig.Disk.TryRead(0, new byte[8192]));
        Assert.Equal(
            [(3L * 8192, 20.0, "registry"), (4L * 8192, 20.0, "registry"), (8192L, 0.0, "mirror"), (0L, 0.0, null)],
            activity.Recorder.Reads().Select(one => (one.Offset, one.Waited!.Value.TotalMilliseconds, one.Source)));
    }

    [Fact]
    public async Task WhatAnotherImageAsksForSaysItsSource()
    {
        SyntheticBlob blob = SyntheticBlob.Create(73, 4, 8192);
        using Rig rig = new(blob);
        using FilesystemDisk other = rig.Open(blob);
        ImageActivity activity = other.Reader.Activity;
        activity.Recorder = new TraceRecorder(origins: activity.Origins = new ChunkOrigins());
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task first = rig.AssertReadAsync(0, 8192);
        await gate.ArrivedAsync(1);
        Task second = Rig.AssertReadAsync(other, blob, 0, 8192);
        gate.Open();
        await Task.WhenAll(first, second);
        Assert.Equal(rig.Source.Name, Assert.Single(activity.Recorder.Reads()).Source);
        Assert.Single(rig.Source.Requests);
    }

    [Fact]
    public async Task AReadThatStillWaitsHasWaitedUntilNowForNobodyKnowsWhom()
    {
        ManualTime time = new();
        SyntheticBlob blob = SyntheticBlob.Create(75, 4, 8192);
        using Rig rig = new(blob, Rig.NoExtras with { Time = time });
        ImageActivity activity = rig.Disk.Reader.Activity;
        activity.Recorder = new TraceRecorder(time, activity.Origins = new ChunkOrigins());
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task read = rig.AssertReadAsync(0, 8192);
        await gate.ArrivedAsync(1);
        time.Advance(TimeSpan.FromMilliseconds(20));
        Assert.Equal((20.0, TraceRead.SourceNotKnown), WaitedAndSource());
        gate.Open();
        await read;
        time.Advance(TimeSpan.FromMilliseconds(20));
        Assert.Equal((20.0, rig.Source.Name), WaitedAndSource());

        (double, string?) WaitedAndSource() => Assert.Single(activity.Recorder!.Reads()) is var one ? (one.Waited!.Value.TotalMilliseconds, one.Source) : default;
    }

    [Fact]
    public async Task WhatIsFetchedAheadForAnotherImageTooSaysItsSource()
    {
        SyntheticBlob blob = SyntheticBlob.Create(76, 4, 8192);
        using Rig rig = new(blob);
        using FilesystemDisk other = rig.Open(blob);
        ChunkOrigins origins = other.Reader.Activity.Origins = new ChunkOrigins();
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task first = rig.AssertReadAsync(0, 8192);
        await gate.ArrivedAsync(1);
        Task<bool> ahead = other.Reader.PrefetchAsync(0, 8192, FetchPriority.Prefetch, CancellationToken.None);
        gate.Open();
        await first;
        Assert.True(await ahead);
        Assert.Equal(rig.Source.Name, origins.Of(blob.Blob, blob.GetExtent(0).Number));
        Assert.Null(origins.Of(blob.Blob, blob.GetExtent(1).Number));
        Assert.Single(rig.Source.Requests);
    }

    [Fact]
    public void OriginsOfAPullEndWhereNoStartFollows()
    {
        ImageActivity activity = new("image");
        activity.Mark(ImageStep.Asked);
        Assert.Null(activity.Origins); // with prefetch off nobody ever asks
        activity.Origins = new ChunkOrigins();
        activity.Recorder = new TraceRecorder();
        activity.NoStartFollows();
        Assert.NotNull(activity.Origins); // one goes on
        activity.Recorder = null;
        activity.NoStartFollows();
        Assert.Null(activity.Origins);
    }

    [Fact]
    public void WaitsSideBySideCountOnce()
    {
        TraceRead Waits(int at, int milliseconds) => Read("a", at, 1, at) with { Waited = TimeSpan.FromMilliseconds(milliseconds) };
        Assert.Equal(35, TraceWaits.Of([Waits(0, 10), Waits(5, 20), Waits(6, 1), Waits(100, 10), Read("a", 7, 1, 7, here: true)])!.Value.TotalMilliseconds);
        Assert.Null(TraceWaits.Of([Waits(0, 10), Read("a", 0, 1, 0)]));
        Assert.Equal(TimeSpan.Zero, TraceWaits.Of([Read("a", 0, 1, 0, here: true)]));
    }

    [Fact]
    public void OriginsAreBounded()
    {
        SyntheticBlob blob = SyntheticBlob.Create(74, 300);
        ChunkOrigins origins = new();
        for (int chunk = 1; chunk < 300; chunk++) origins.Came(blob, chunk, $"place {chunk}");
        Assert.Equal([null, "place 1", "place 254", "others", "others"], new[] { 0, 1, 254, 255, 299 }.Select(chunk => origins.Of(blob.Blob, chunk)));
        Assert.Null(origins.Of(blob.Blob, 1000));
        Assert.Null(origins.Of(Manifest, 1));
    }

    [Fact]
    public void AnIdleRecorderKnowsHowLong()
    {
        ManualTime time = new();
        TraceRecorder recorder = new(time);
        SyntheticBlob blob = SyntheticBlob.Create(62, 4);
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Null(recorder.Idle);
        recorder.Of(blob).Touch(blob, 0, 1);
        time.Advance(TimeSpan.FromSeconds(2));
        recorder.Of(blob).Touch(blob, 0, 4096); // nothing new
        Assert.Equal((TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5)), (recorder.Idle, recorder.Age));
        Assert.Equal(TimeSpan.FromSeconds(3), Assert.Single(recorder.Reads()).At);
    }

    [Fact]
    public void AFileHoldsATrace()
    {
        StartTrace trace = new(
            Manifest,
            [
                Read("a", 0, 4096, 1), Read("b", 65536, 100, 20, here: true) with { File = new FilePlace("/bin/é \"x\"", 0) },
                Read("a", 8192, 4096, 21) with { File = new FilePlace("/lib", 1L << 33) },
            ])
        {
            Ahead = new PrefetchOutcome(1L << 40, 4096),
        };
        StartTrace back = TraceFile.Read(TraceFile.Write(trace));
        Assert.Equal((trace.Manifest, trace.Ahead), (back.Manifest, back.Ahead));
        Assert.Equal(trace.Reads, back.Reads);
        Assert.Equal(8292, back.Bytes);

        StartTrace waits = trace with { Reads = [.. trace.Reads.Select((read, index) => read with { Waited = TimeSpan.FromMicroseconds(index), Source = index == 1 ? null : $"registry {index}" })] };
        Assert.Equal(waits.Reads, TraceFile.Read(TraceFile.Write(waits)).Reads);
        Assert.Equal(trace.Reads, waits.ForOthers().Reads);
    }

    [Fact]
    public void FilesOfEarlierVersionsAreReadAndTheyReadOurs()
    {
        string Text(string more) => $$"""{"version":1,"manifest":"{{Manifest}}","blobs":["{{Blob("a")}}"],"files":["/x"],"reads":[[0,0,4096,1000,0],[0,8192,10,2000,1,0,5]]{{more}}}""";
        TraceRead[] reads = [Read("a", 0, 4096, 1), Read("a", 8192, 10, 2, here: true) with { File = new FilePlace("/x", 5) }];
        Assert.Equal(reads, TraceFile.Read(Encoding.UTF8.GetBytes(Text(""))).Reads);
        TraceRead[] waits = [reads[0] with { Waited = TimeSpan.FromMilliseconds(7), Source = "registry a" }, reads[1] with { Waited = TimeSpan.Zero }];
        Assert.Equal(Text(""","waited":[7000,0],"sources":["registry a"],"from":[1,0]"""), Encoding.UTF8.GetString(TraceFile.Write(new StartTrace(Manifest, waits)))); // what an earlier version knows stands where it did
    }

    [Fact]
    public void WhatATerminalWouldObeyIsEscaped()
    {
        string text = $$"""{"version":1,"manifest":"{{Manifest}}","blobs":["{{Blob("a")}}"],"files":["/é\u001b[2J\u007f"],"command":{"program":"\u001b]0;x","id":"0123456789abcdef"},"reads":[[0,0,1,1,0,0,0]],"waited":[1],"sources":["a\u0007\u009b\uffff"],"from":[1]}""";
        StartTrace trace = TraceFile.Read(Encoding.UTF8.GetBytes(text));
        TraceRead read = Assert.Single(trace.Reads);
        Assert.Equal((@"/é\x1b[2J\x7f", @"a\x07\xc2\x9b\xef\xbf\xbf", @"\x1b]0;x"), (read.File!.Value.Path, read.Source, trace.Command!.Program));
        Assert.Equal("/é\u001b[2J\u007f", read.File.Value.ToName().ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":[],"reads":[]}""")]
    [InlineData("""{"version":2,"manifest":"MANIFEST","blobs":[],"reads":[]}""")]
    [InlineData("""{"version":1,"manifest":"sha256:1","blobs":[],"reads":[]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":[],"reads":[[0,0,1,0,0]]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"reads":[[0,-1,1,0,0]]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"reads":[[0,9223372036854775807,9,0,0]]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"reads":[[0,0,0,0,0]]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"reads":[[0,0,1,9223372036854775807,0]]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"reads":[[0,0]]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"reads":[["0",0,1,1,1]]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"files":["/a"],"reads":[[0,0,1,1,1,1,0]]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"files":["/a"],"reads":[[0,0,1,1,1,0,-1]]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"files":[1],"reads":[[0,0,1,1,1,0,0]]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"reads":[[0,0,1,1,1]],"waited":[],"sources":[],"from":[]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"reads":[[0,0,1,1,1]],"waited":[1]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"reads":[[0,0,1,1,1]],"waited":[-1],"sources":[],"from":[0]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"reads":[[0,0,1,10,1]],"waited":[922337203685477579],"sources":[],"from":[0]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"reads":[[0,0,1,1,1]],"waited":[1],"sources":[],"from":[1]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"reads":[[0,0,1,1,1]],"waited":[1],"sources":["a"],"from":[-1]}""")]
    [InlineData("""{"version":1,"manifest":"MANIFEST","blobs":["MANIFEST"],"reads":[[0,0,1,1,1]],"waited":[1],"sources":[1],"from":[1]}""")]
    public void WhatIsNoTraceIsRefused(string text) =>
        Assert.Throws<InvalidFormatException>(() => TraceFile.Read(Encoding.UTF8.GetBytes(text.Replace("MANIFEST", Manifest.ToString(), StringComparison.Ordinal))));

    [Fact]
    public void APlanHasFewRangesInTheOrderOfTheStart()
    {
        StartTrace trace = new(
            Manifest,
            [
                Read("a", 1 << 20, 65536, 1), Read("b", 0, 4096, 2), Read("a", (1 << 20) + 65536, 65536, 3), Read("a", (1 << 20) - 65536, 65536, 4), // neighbours of the first, behind and before
                Read("a", (1 << 20) + (2 * 65536), 65536, 900), // too late to be waited for
                Read("a", 8 << 20, 65536, 901),
            ]);
        Assert.Equal(
            [new(Blob("a"), (1 << 20) - 65536, 3 * 65536), new(Blob("b"), 0, 4096), new(Blob("a"), (1 << 20) + (2 * 65536), 65536), new PlanRange(Blob("a"), 8 << 20, 65536)],
            PrefetchPlan.Of(trace).Ranges);
    }

    [Fact]
    public void APlanOfSeveralTracesHasWhatAnyOfThemNeeds()
    {
        StartTrace one = new(Manifest, [Read("a", 0, 4096, 1), Read("a", 1 << 20, 4096, 900)]);
        StartTrace two = new(Manifest, [Read("a", 1 << 20, 4096, 5), Read("a", 4 << 20, 4096, 6)]);
        Assert.Equal([0L, 1 << 20, 4 << 20], PrefetchPlan.Of(StartTrace.Join([one, two])!).Ranges.Select(range => range.Offset));
    }

    [Fact]
    public void NoRangeIsLongerThanAMebibyte()
    {
        StartTrace trace = new(Manifest, [.. Enumerable.Range(0, 100).Select(index => Read("a", index * 65536L, 65536, index))]);
        PrefetchPlan plan = PrefetchPlan.Of(trace);
        Assert.Equal(7, plan.Ranges.Count);
        Assert.All(plan.Ranges, range => Assert.InRange(range.Length, 1, 1 << 20));
        Assert.Equal(trace.Bytes, plan.Bytes);
    }

    [Fact]
    public async Task ARunBringsWhatThePlanSaysAndReadsThenWaitForNothing()
    {
        SyntheticBlob blob = SyntheticBlob.Create(63, 64, 65536);
        using Rig rig = new(blob);
        StartTrace trace = new(Manifest, [Of(blob, 40, 1), Of(blob, 3, 2), Of(blob, 41, 3), Of(blob, 20, 4)]);
        Dictionary<Digest, BlobReader> readers = new() { [blob.Blob] = rig.Disk.Reader };
        PrefetchRun run = new(PrefetchPlan.Of(trace));
        await run.RunAsync(readers, rate: null, mayEvict: true, CancellationToken.None);
        Assert.Equal((4L * 65536, 0L), (run.Bytes, run.Failed));
        Assert.Equal([(3L * 65536, 65536), (20L * 65536, 65536), (40L * 65536, 2 * 65536)], rig.Source.Requests.Order()); // they run side by side
        foreach (int chunk in (int[])[3, 20, 40, 41]) Assert.True(rig.Disk.TryRead(chunk * 65536L, new byte[65536]));
        Assert.False(rig.Disk.TryRead(42 * 65536L, new byte[1]));

        TraceRecorder recorder = new();
        recorder.Of(blob).Touch(blob, 3 * 65536, 10);
        Assert.Equal(new PrefetchOutcome(4 * 65536, 3 * 65536), PrefetchRun.OutcomeOf([run], recorder, readers));

        PrefetchRun again = new(PrefetchPlan.Of(trace));
        await again.RunAsync(readers, rate: null, mayEvict: true, CancellationToken.None);
        Assert.Equal(3, rig.Source.Requests.Count); // it is here
        Assert.Equal((4L * 65536, new PrefetchOutcome(0, 0)), (again.Bytes, PrefetchRun.OutcomeOf([again], new TraceRecorder(), readers)));
    }

    [Fact]
    public async Task NothingIsPushedOutForAStartThatMayNeverCome()
    {
        SyntheticBlob blob = SyntheticBlob.Create(71, 128, 65536);
        using Rig rig = new(blob, cacheOptions: new CacheOptions { Quota = DiskShare.OfBytes(4 << 20) });
        await rig.AssertReadAsync(0, 16 * 65536);
        PrefetchRun run = new(PrefetchPlan.Of(new StartTrace(Manifest, [.. Enumerable.Range(16, 112).Select(chunk => Of(blob, chunk, chunk))])));
        await run.RunAsync(new Dictionary<Digest, BlobReader> { [blob.Blob] = rig.Disk.Reader }, rate: null, mayEvict: false, CancellationToken.None);
        Assert.InRange(run.Bytes, 1, 4 << 20);
        for (int chunk = 0; chunk < 16; chunk++) Assert.True(rig.Disk.TryRead(chunk * 65536L, new byte[65536]));
    }

    [Fact]
    public async Task WhatWasHereBeforeIsNotCountedAndAChunkIsCountedOnce()
    {
        SyntheticBlob blob = SyntheticBlob.Create(67, 16, 65536);
        using Rig rig = new(blob);
        await rig.AssertReadAsync(5 * 65536, 65536);
        StartTrace trace = new(
            Manifest,
            [
                Of(blob, 5, 0), Of(blob, 2, 1000) with { Length = 4096 }, Of(blob, 2, 2000) with { Offset = (2 * 65536) + 32768, Length = 4096 }, // as traces of overlaybd have it
            ]);
        Dictionary<Digest, BlobReader> readers = new() { [blob.Blob] = rig.Disk.Reader };
        PrefetchRun run = new(PrefetchPlan.Of(trace));
        await run.RunAsync(readers, rate: null, mayEvict: true, CancellationToken.None);
        Assert.Equal(new PrefetchOutcome(65536, 65536), PrefetchRun.OutcomeOf([run, run], new TraceRecorder(), readers));
    }

    [Fact]
    public async Task ALongRangeComesInWholeChunksAndEachOfThemOnce()
    {
        SyntheticBlob blob = SyntheticBlob.Create(69, 8, 300 << 10); // 512 KiB, a request's worth, end within the second
        using Rig rig = new(blob);
        StartTrace trace = new(Manifest, [.. Enumerable.Range(0, 3).Select(chunk => new TraceRead(blob.Blob, chunk * (300L << 10), 300 << 10, TimeSpan.Zero, false))]);
        Dictionary<Digest, BlobReader> readers = new() { [blob.Blob] = rig.Disk.Reader };
        PrefetchRun run = new(PrefetchPlan.Of(trace));
        await run.RunAsync(readers, rate: null, mayEvict: true, CancellationToken.None);
        Assert.Equal([(0L, 600 << 10), (600L << 10, 300 << 10)], rig.Source.Requests.Order());
        Assert.Equal(new PrefetchOutcome(900 << 10, 900 << 10), PrefetchRun.OutcomeOf([run], new TraceRecorder(), readers));
    }

    [Fact]
    public async Task ABoundOfTheRateHolds()
    {
        ManualTime time = new();
        SyntheticBlob blob = SyntheticBlob.Create(68, 256, 65536);
        using Rig rig = new(blob);
        StartTrace trace = new(Manifest, [.. Enumerable.Range(0, 3).Select(index => Of(blob, 40 * index, index * 1000))]);
        Task run = new PrefetchRun(PrefetchPlan.Of(trace)).RunAsync(new Dictionary<Digest, BlobReader> { [blob.Blob] = rig.Disk.Reader }, new DownloadRate(() => 1, time), mayEvict: true, CancellationToken.None);
        await Eventually.TrueAsync(() => rig.Source.Requests.Count == 1 && time.TimerCount == 1);
        time.Advance(TimeSpan.FromDays(30));
        await run;
        Assert.Equal(3, rig.Source.Requests.Count);
    }

    /// <summary>Two commands that read nothing in common; which of them it is comes out when the plan of both is under way.</summary>
    [Fact]
    public async Task OfAPlanThatOthersWouldNeedNothingMoreIsBegun()
    {
        SyntheticBlob blob = SyntheticBlob.Create(70, 256, 65536);
        using Rig rig = new(blob);
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        StartTrace other = new(Manifest, [.. Enumerable.Range(0, 80).Select(index => Of(blob, index, index * 10))]), its = new(Manifest, [.. Enumerable.Range(120, 120).Select(index => Of(blob, index, index * 10))]);
        Dictionary<Digest, BlobReader> readers = new() { [blob.Blob] = rig.Disk.Reader };
        PrefetchRun run = new(PrefetchPlan.Of(StartTrace.Follow([other, its])!));
        Task running = run.RunAsync(readers, rate: null, mayEvict: true, CancellationToken.None);
        await gate.ArrivedAsync(2);
        run.Follow(PrefetchPlan.Of(its));
        gate.Open();
        await running;

        TraceRecorder recorder = new();
        foreach (TraceRead read in its.Reads) recorder.Of(blob).Touch(blob, read.Offset, read.Length);
        PrefetchOutcome outcome = PrefetchRun.OutcomeOf([run], recorder, readers);
        Assert.True(outcome.Fetched >= its.Bytes);
        Assert.InRange(outcome.Unread, 1, outcome.Fetched / 5);
    }

    [Fact]
    public async Task APlanForOtherBytesIsLeftOut()
    {
        SyntheticBlob blob = SyntheticBlob.Create(64, 4, 65536);
        using Rig rig = new(blob);
        StartTrace trace = new(Manifest, [Read("other", 0, 65536, 0), Of(blob, 1, 1) with { Offset = 1L << 40 }, Of(blob, 3, 2) with { Length = int.MaxValue }, Of(blob, 2, 3)]);
        Dictionary<Digest, BlobReader> readers = new() { [blob.Blob] = rig.Disk.Reader };
        PrefetchRun run = new(PrefetchPlan.Of(trace));
        await run.RunAsync(readers, rate: null, mayEvict: true, CancellationToken.None);
        Assert.Equal([(2L * 65536, 65536)], rig.Source.Requests);
        Assert.Equal(2, run.LeftOut); // the third was too long for any plan
    }

    [Fact]
    public void ATraceFromElsewhereCanNotAskForMuch()
    {
        StartTrace same = new(Manifest, [.. Enumerable.Repeat(Read("a", 0, 1 << 20, 0), 30_000)]);
        Assert.Equal(1 << 20, PrefetchPlan.Of(same).Bytes);
        StartTrace large = new(Manifest, [.. Enumerable.Range(0, 30_000).Select(index => Read("a", index * (16L << 20), 16 << 20, index))]);
        Assert.Equal(512 << 20, PrefetchPlan.Of(large).Bytes);
    }

    [Fact]
    public async Task ARunThatDoesNotHelpGivesUp()
    {
        SyntheticBlob blob = SyntheticBlob.Create(66, 256, 65536);
        using Rig rig = new(blob, Rig.NoExtras with { RequestDeadline = TimeSpan.FromSeconds(1) });
        rig.Source.Script = (_, _, _) => throw new IOException("away");
        StartTrace trace = new(Manifest, [.. Enumerable.Range(0, 120).Select(index => Of(blob, 2 * index, index * 1000))]);
        Dictionary<Digest, BlobReader> readers = new() { [blob.Blob] = rig.Disk.Reader };
        PrefetchRun run = new(PrefetchPlan.Of(trace));
        await run.RunAsync(readers, rate: null, mayEvict: true, CancellationToken.None);
        Assert.InRange(run.Failed, 3, 24);
        Assert.Equal(0, run.Bytes);
    }

    [Fact]
    public async Task WhoWaitsIsServedBeforeWhatIsFetchedAhead()
    {
        SyntheticBlob blob = SyntheticBlob.Create(65, 256, 65536);
        using Rig rig = new(blob);
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        StartTrace trace = new(Manifest, [.. Enumerable.Range(0, 120).Select(index => Of(blob, 2 * index, index * 1000))]);
        using CancellationTokenSource stop = new();
        Task run = new PrefetchRun(PrefetchPlan.Of(trace)).RunAsync(new Dictionary<Digest, BlobReader> { [blob.Blob] = rig.Disk.Reader }, rate: null, mayEvict: true, stop.Token);
        await gate.ArrivedAsync(6); // as many as may be under way beside a read that waits
        Task read = rig.AssertReadAsync(255 * 65536, 65536);
        await gate.ArrivedAsync(1);
        Assert.Equal(255L * 65536, rig.Source.Requests.Last().Offset);
        Assert.Equal(7, rig.Source.Requests.Count);
        gate.Open();
        await read;
        await stop.CancelAsync();
        await Record.ExceptionAsync(() => run); // it may have come to its end before
    }

    [Fact]
    public async Task ThePlanOfAnotherImageTakesItsTurns()
    {
        SyntheticBlob[] blobs = [.. Enumerable.Range(71, 2).Select(seed => SyntheticBlob.Create(seed, 256, 65536))];
        using Rig rig = new(blobs[0], Rig.NoExtras with { ConcurrencyPerSource = 1 });
        List<int> order = [];
        Gate gate = new();
        ScriptedSource Registry(int image) => new(blobs[image].Stored, "registry")
        {
            Script = async (_, _, cancellation) =>
            {
                lock (order) order.Add(image);
                await gate.PassAsync(cancellation);
            },
        };
        using FilesystemDisk large = rig.Open(blobs[0], Registry(0)), small = rig.Open(blobs[1], Registry(1));
        Task Follow(FilesystemDisk disk, SyntheticBlob blob, int ranges) => new PrefetchRun(PrefetchPlan.Of(new StartTrace(Manifest, [.. Enumerable.Range(0, ranges).Select(index => Of(blob, 2 * index, index * 1000))])))
            .RunAsync(new Dictionary<Digest, BlobReader> { [blob.Blob] = disk.Reader }, rate: null, mayEvict: true, CancellationToken.None);

        Task much = Follow(large, blobs[0], 120);
        await gate.ArrivedAsync(1); // the one slot is taken, and as much as the plan may have under way waits behind
        Task little = Follow(small, blobs[1], 4); // all of it waits when this returns
        gate.Open();
        await Task.WhenAll(much, little);
        Assert.Equal(4, order.Take(10).Count(image => image == 1));
    }

    private static TraceRead Of(SyntheticBlob blob, int chunk, int milliseconds) => new(blob.Blob, chunk * 65536L, 65536, TimeSpan.FromMilliseconds(milliseconds), false);

    private static TraceRead Read(string blob, long offset, int length, int milliseconds, bool here = false) => new(Blob(blob), offset, length, TimeSpan.FromMilliseconds(milliseconds), here);

    private static Digest Blob(string name) => Digest.Sha256(Encoding.UTF8.GetBytes(name));
}
