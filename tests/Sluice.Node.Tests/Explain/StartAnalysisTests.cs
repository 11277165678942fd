using Sluice.Node.Explain;
using Sluice.Storage.Activity;

namespace Sluice.Node.Tests.Explain;

public sealed class StartAnalysisTests
{
    private static readonly DateTimeOffset Began = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_start_ends_before_the_first_pause()
    {
        StartAnalysis analysis = Analyse([Miss(1.0, 0.5), Miss(1.2, 0.6), Miss(4.0, 0.2), Miss(9.0, 1.0)], []);
        Assert.Equal(3, analysis.Misses.Count);
        Assert.Equal(1.0, analysis.Waited.TotalSeconds, 3); // 1.0..1.8, 4.0..4.2
        Assert.Equal(4.2, analysis.Seconds, 3);
    }

    [Fact]
    public void Stages_follow_each_other_when_a_pull_was_part_of_the_start()
    {
        Dictionary<ImageStep, DateTimeOffset?> steps = new() { [ImageStep.Asked] = At(-2), [ImageStep.MetadataHere] = At(-0.5), [ImageStep.Mounted] = At(0.25) };
        StartAnalysis analysis = new(Record([Miss(1.0, 0.5)], []), step => steps.GetValueOrDefault(step), At(0.75));
        Assert.Equal(
            [new StartStage("metadata", 0, 1.5), new StartStage("mount", 2, 0.25), new StartStage("container", 2.25, 0.5), new StartStage("reads", 2.75, 0.75)],
            analysis.Stages);
        Assert.Contains(analysis.Reasons(), reason => reason is { Id: "metadata-bound", Seconds: 1.5 });
    }

    [Fact]
    public void A_pull_of_another_day_is_not_part_of_the_start()
    {
        Dictionary<ImageStep, DateTimeOffset?> steps = new() { [ImageStep.Asked] = At(-90_000), [ImageStep.MetadataHere] = At(-89_999), [ImageStep.Mounted] = At(0.25) };
        StartAnalysis analysis = new(Record([], []), step => steps.GetValueOrDefault(step), null);
        Assert.Equal([new StartStage("mount", 0, 0.25)], analysis.Stages);
    }

    [Fact]
    public void Small_requests_with_a_long_way_are_bound_by_latency()
    {
        FetchRecord[] fetches = [.. Enumerable.Range(0, 40).Select(i => Fetch(1 + i * 0.1, 0.050 + (i % 4) * 0.001, 20_000 + (i % 4) * 10_000))];
        StartAnalysis analysis = Analyse([Miss(1, 4)], fetches);
        Assert.InRange(analysis.Link.RoundTrip!.Value.TotalMilliseconds, 45, 51);
        Assert.Equal("latency-bound", analysis.Reasons()[0].Id);
    }

    [Fact]
    public void Large_requests_are_bound_by_the_link()
    {
        FetchRecord[] fetches = [.. Enumerable.Range(0, 40).Select(i => Fetch(1 + i * 0.1, 0.005 + (i % 4 + 1) * 0.02, (i % 4 + 1) * 250_000))];
        StartAnalysis analysis = Analyse([Miss(1, 4)], fetches);
        Assert.InRange(analysis.Link.RoundTrip!.Value.TotalMilliseconds, 4, 6);
        Assert.Equal("link-bound", analysis.Reasons()[0].Id);
        Assert.Equal("link-bound", Analyse([Miss(1, 4)], [.. Enumerable.Range(0, 40).Select(i => Fetch(1 + i * 0.1, 0.1, 1 << 20))]).Reasons()[0].Id); // of one size
    }

    [Fact]
    public void Failures_and_the_processor_are_named()
    {
        FetchRecord[] fetches = [Fetch(1, 0.1, 100_000)];
        StartRecord record = Record([Miss(1, 5, failed: true)], fetches) with { Failures = 3, LastFailure = "registry r: status 503" };
        IReadOnlyList<SlowReason> reasons = new StartAnalysis(record, _ => null, At(1)).Reasons();
        Assert.Contains(reasons, reason => reason.Id == "source-errors" && reason.What.Contains("status 503", StringComparison.Ordinal) && reason.Seconds == 5);
        Assert.Contains(reasons, reason => reason.Id == "read-errors");
        record = Record([Miss(1, 5)], fetches) with { Decoding = TimeSpan.FromSeconds(4) };
        Assert.Equal("decode-bound", new StartAnalysis(record, _ => null, At(1)).Reasons()[0].Id);
    }

    [Fact]
    public void A_start_that_waits_for_nothing_is_the_containers_own()
    {
        StartAnalysis analysis = new(Record([], []), step => step == ImageStep.Mounted ? At(0.01) : null, At(3));
        SlowReason reason = Assert.Single(analysis.Reasons());
        Assert.Equal(("container", null), (reason.Id, reason.Mend));
    }

    private static StartAnalysis Analyse(IReadOnlyList<MissRecord> misses, IReadOnlyList<FetchRecord> fetches) => new(Record(misses, fetches), _ => null, At(1));

    private static StartRecord Record(IReadOnlyList<MissRecord> misses, IReadOnlyList<FetchRecord> fetches) =>
        new(Began, misses, fetches, 0, TimeSpan.Zero, 0, null, new ActivityTotals(Began, 0, 0, TimeSpan.Zero, 0, 0, 0, [], new Dictionary<string, long>()), false);

    private static DateTimeOffset At(double seconds) => Began + TimeSpan.FromSeconds(seconds);

    private static MissRecord Miss(double at, double waited, bool failed = false) => new("d", 0, 4096, At(at), TimeSpan.FromSeconds(waited), failed);

    private static FetchRecord Fetch(double at, double took, int bytes) => new(TimeSpan.FromSeconds(at), TimeSpan.FromSeconds(took), bytes);
}
