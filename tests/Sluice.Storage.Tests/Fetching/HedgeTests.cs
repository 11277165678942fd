using Sluice.Formats;
using Sluice.Storage.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Fetching;

/// <summary>Second requests for stragglers.</summary>
public sealed class HedgeTests
{
    private static readonly FetchOptions Options = Rig.NoExtras with { HedgeShare = 0.05 };

    [Fact]
    public async Task A_straggler_is_overtaken_by_the_next_place_and_cancelled()
    {
        SyntheticBlob blob = SyntheticBlob.Create(50, 64);
        ManualTime time = new();
        Gate gate = new();
        TaskCompletionSource cancelled = new();
        ScriptedSource slow = new(blob.Stored, "slow")
        {
            Script = async (_, _, cancellation) =>
            {
                cancellation.Register(cancelled.SetResult);
                await gate.PassAsync(cancellation);
            },
        };
        using Rig rig = new(blob, Options with { Time = time }, sources: [slow, new ScriptedSource(blob.Stored, "quick")]);
        Task read = rig.AssertReadAsync(0, 4096);
        await gate.ArrivedAsync(1);
        await Eventually.TrueAsync(() => time.HasTimer(TimeSpan.FromSeconds(1)));
        time.Advance(TimeSpan.FromSeconds(1));
        await read;
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal((1, 1), (rig.Fetcher.Counters.Source("quick").Hedges, rig.Fetcher.Counters.Source("quick").HedgesWon));
        Assert.Equal((1, 0), (rig.Fetcher.Counters.Source("slow").Requests, rig.Fetcher.Counters.Source("slow").Failures));
        Assert.Empty(rig.Log); // nothing failed
        await Eventually.TrueAsync(() => rig.Fetcher.GetActivity() is { Running: 0, BytesInFlight: 0 } && rig.Fetcher.GetSources().All(source => source.Health.Running == 0));
    }

    [Fact]
    public async Task A_place_that_is_overtaken_again_and_again_is_asked_last()
    {
        SyntheticBlob blob = SyntheticBlob.Create(51, 64);
        ManualTime time = new();
        Gate gate = new();
        ScriptedSource slow = new(blob.Stored, "slow") { Script = (_, _, cancellation) => gate.PassAsync(cancellation) };
        using Rig rig = new(blob, Options with { Time = time }, sources: [slow, new ScriptedSource(blob.Stored, "quick")]);
        for (int round = 0; round < 3; round++)
        {
            Task read = rig.AssertReadAsync(round * 8 * 4096, 4096);
            await gate.ArrivedAsync(1);
            await Eventually.TrueAsync(() => time.HasTimer(TimeSpan.FromSeconds(1)));
            time.Advance(TimeSpan.FromSeconds(1));
            await read;
        }

        await rig.AssertReadAsync(40 * 4096, 4096);
        Assert.Equal(3, slow.Requests.Count);
    }

    [Fact]
    public async Task A_lone_place_is_asked_over_a_second_connection()
    {
        SyntheticBlob blob = SyntheticBlob.Create(52, 64);
        ManualTime time = new();
        Gate gate = new();
        int hung = 1;
        ScriptedSource source = new(blob.Stored) { Script = (_, _, cancellation) => hung-- > 0 ? gate.PassAsync(cancellation) : Task.CompletedTask };
        using Rig rig = new(blob, Options with { Time = time }, sources: source);
        Task read = rig.AssertReadAsync(0, 4096);
        await gate.ArrivedAsync(1);
        await Eventually.TrueAsync(() => time.HasTimer(TimeSpan.FromSeconds(1)));
        time.Advance(TimeSpan.FromSeconds(1));
        await read;
        Assert.Equal(2, source.Requests.Count);
    }

    [Fact]
    public async Task Second_requests_are_a_small_share_of_the_first()
    {
        SyntheticBlob blob = SyntheticBlob.Create(53, 200);
        ScriptedSource slow = new(blob.Stored, "slow") { Script = static async (_, _, cancellation) => await Task.Delay(20, cancellation) };
        FetchOptions impatient = Options with { HedgeUnknown = TimeSpan.FromMilliseconds(1), HedgeFloor = TimeSpan.FromMilliseconds(1) };
        using Rig rig = new(blob, impatient, sources: slow);
        for (int chunk = 0; chunk < 200; chunk += 4) await rig.AssertReadAsync(chunk * 4096, 4096);
        Assert.InRange(rig.Fetcher.Counters.Source("slow").Hedges, 1, 4 + (long)(50 * 0.05));
    }

    [Fact]
    public async Task Wrong_bytes_of_the_second_are_asked_elsewhere()
    {
        SyntheticBlob blob = SyntheticBlob.Create(54, 64);
        ManualTime time = new();
        Gate gate = new();
        ScriptedSource slow = new(blob.Stored, "slow") { Script = (_, _, cancellation) => gate.PassAsync(cancellation) };
        ScriptedSource liar = new(blob.Stored, "liar") { Spoil = static (_, bytes) => bytes.Span.Clear() };
        using Rig rig = new(blob, Options with { Time = time }, sources: [slow, liar, new ScriptedSource(blob.Stored, "honest")]);
        Task read = rig.AssertReadAsync(0, 4096);
        await gate.ArrivedAsync(1);
        await Eventually.TrueAsync(() => time.HasTimer(TimeSpan.FromSeconds(1)));
        time.Advance(TimeSpan.FromSeconds(1));
        await read;
        Assert.Contains("liar: unit 0", Assert.Single(rig.Log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_second_refuses_a_third_is_asked()
    {
        SyntheticBlob blob = SyntheticBlob.Create(56, 64);
        ManualTime time = new();
        Gate gate = new();
        ScriptedSource slow = new(blob.Stored, "slow") { Script = (_, _, cancellation) => gate.PassAsync(cancellation) };
        ScriptedSource refusing = new(blob.Stored, "refusing") { Script = static (_, _, _) => throw new SluiceException(SluiceError.NotFound, "refusing", "no such blob") };
        using Rig rig = new(blob, Options with { Time = time }, sources: [slow, refusing, new ScriptedSource(blob.Stored, "good")]);
        Task read = rig.AssertReadAsync(0, 4096);
        await gate.ArrivedAsync(1);
        await Eventually.TrueAsync(() => time.HasTimer(TimeSpan.FromSeconds(1)));
        time.Advance(TimeSpan.FromSeconds(1));
        await read;
        Assert.Single(refusing.Requests);
    }

    [Fact]
    public async Task Prefetching_asks_nobody_twice()
    {
        SyntheticBlob blob = SyntheticBlob.Create(55, 64);
        ManualTime time = new();
        Gate gate = new();
        ScriptedSource slow = new(blob.Stored, "slow") { Script = (_, _, cancellation) => gate.PassAsync(cancellation) };
        ScriptedSource quick = new(blob.Stored, "quick");
        using Rig rig = new(blob, Options with { Time = time }, sources: [slow, quick]);
        BlobReader reader = new(blob, rig.Directory, rig.Fetcher, rig.Sources);
        Task prefetch = reader.PrefetchAsync(0, 4096, FetchPriority.Prefetch, CancellationToken.None);
        await gate.ArrivedAsync(1);
        time.Advance(TimeSpan.FromSeconds(5));
        gate.Open();
        await prefetch;
        reader.Dispose();
        Assert.Empty(quick.Requests);
    }
}
