using Sluice.Formats.Oci;
using Sluice.Storage.Sources.Places;
using Sluice.Storage.Tests.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources.Places;

public sealed class SourcePlaceTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void A_place_that_fails_rests_longer_each_time_and_is_tried_by_one_after_each_rest()
    {
        SourcePlace place = Create();
        Assert.Equal(PlaceState.Healthy, place.Health.State);
        foreach (double rest in (double[])[10, 20, 40, 80, 160, 300, 300])
        {
            place.Failed();
            Assert.Equal((PlaceState.Resting, TimeSpan.FromSeconds(rest)), (place.Health.State, place.Health.Left));
            Pass(rest);
            Assert.False(place.IsResting);
            Assert.True(place.TryAsk(out _));
            Assert.True(place.IsResting, "others must wait for the one that tries");
        }

        place.Delivered(1, TimeSpan.Zero);
        Assert.Equal((PlaceState.Healthy, 0), (place.Health.State, place.Health.Failures));
        place.Failed();
        Assert.Equal(TimeSpan.FromSeconds(10), place.Health.Left);
    }

    [Fact]
    public void A_try_that_nobody_hears_of_gives_way_to_another()
    {
        SourcePlace place = Create();
        place.Failed();
        Pass(10);
        Assert.True(place.TryAsk(out _));
        Pass(5);
        Assert.False(place.IsResting);
    }

    [Fact]
    public void Its_speed_is_the_best_of_late_as_long_requests_tell()
    {
        SourcePlace place = Create();
        place.Delivered(1000, TimeSpan.FromSeconds(1));
        Assert.Null(place.Speed);
        place.Delivered(1_000_000, TimeSpan.FromSeconds(0.1));
        Assert.Equal(10e6, place.Speed!.Value, 0.1);
        for (int index = 0; index < 100; index++) place.Delivered(1_000_000, TimeSpan.FromSeconds(1));
        Assert.Equal(1e6, place.Speed.Value, 0.1);
    }

    [Fact]
    public void What_fails_together_is_one_failure()
    {
        SourcePlace place = Create();
        for (int index = 0; index < 8; index++) place.Failed();
        Assert.Equal((1, TimeSpan.FromSeconds(10)), (place.Health.Failures, place.Health.Left));
    }

    [Fact]
    public void A_few_lags_in_a_row_are_a_failure()
    {
        SourcePlace place = Create();
        place.Lagged();
        place.Lagged();
        place.Delivered(1, TimeSpan.Zero);
        place.Lagged();
        place.Lagged();
        Assert.False(place.IsResting);
        place.Lagged();
        Assert.True(place.IsResting);
    }

    [Fact]
    public void Wrong_bytes_concern_their_blob_and_pass()
    {
        SourcePlace place = Create();
        (Digest wrong, Digest right) = (Digest.Sha256([1]), Digest.Sha256([2]));
        place.Distrust(wrong);
        Assert.True(place.Distrusts(wrong));
        Assert.False(place.Distrusts(right));
        Assert.Equal((PlaceState.Healthy, 1), (place.Health.State, place.Health.Distrusted));
        Pass(600);
        Assert.False(place.Distrusts(wrong));
        Assert.Equal(0, place.Health.Distrusted);
    }

    [Fact]
    public void A_pause_is_for_everybody_and_a_shorter_one_does_not_end_it()
    {
        SourcePlace place = Create();
        place.HoldBack(TimeSpan.FromSeconds(30));
        place.HoldBack(TimeSpan.FromSeconds(3));
        Assert.False(place.TryAsk(out TimeSpan wait));
        Assert.Equal(TimeSpan.FromSeconds(30), wait);
        place.HoldBack(TimeSpan.FromSeconds(40));
        Pass(39);
        Assert.Equal((PlaceState.HeldBack, 1, TimeSpan.FromSeconds(39)), (place.Health.State, place.Health.Pauses, place.Health.Paused));
        Pass(1);
        Assert.True(place.TryAsk(out _));
        place.HoldBack(TimeSpan.FromDays(1));
        Assert.Equal(TimeSpan.FromMinutes(10), place.Wait());
    }

    [Fact]
    public void Who_can_not_wait_asks_once_a_second_and_an_answer_ends_the_pause()
    {
        SourcePlace place = Create();
        place.TryAsk(out _);
        place.HoldBack(TimeSpan.FromMinutes(5));
        place.Delivered(1, TimeSpan.Zero); // of a request that was under way
        Assert.Equal(PlaceState.HeldBack, place.Health.State);
        Assert.False(place.TryAskUrgently(out TimeSpan wait));
        Assert.Equal(TimeSpan.FromSeconds(1), wait);
        Pass(1);
        Assert.True(place.TryAskUrgently(out _));
        Assert.False(place.TryAskUrgently(out _));
        place.HoldBack(TimeSpan.FromMinutes(5));
        place.Delivered(1, TimeSpan.Zero);
        Assert.Equal(PlaceState.HeldBack, place.Health.State);
        Pass(1);
        Assert.True(place.TryAskUrgently(out _));
        place.Delivered(1, TimeSpan.Zero);
        Assert.Equal((PlaceState.Healthy, TimeSpan.FromSeconds(2)), (place.Health.State, place.Health.Paused));
    }

    [Fact]
    public void Another_rate_holds_at_once_and_keeps_what_is_known()
    {
        SourcePlace place = Create();
        place.Failed();
        place.Apply(new PlaceOptions { RequestsPerSecond = 1 });
        Assert.True(place.TryAsk(out _));
        Assert.False(place.TryAsk(out TimeSpan wait));
        Assert.Equal((TimeSpan.FromSeconds(1), 1), (wait, place.Health.Failures));
        place.Apply(new PlaceOptions());
        Assert.True(place.TryAsk(out _));
    }

    [Fact]
    public void So_many_requests_begin_in_a_second_and_no_more()
    {
        SourcePlace place = Create(perSecond: 4);
        Assert.Equal(4, Begin());
        Assert.Equal(TimeSpan.FromMilliseconds(250), place.Wait());
        int begun = 0;
        for (int step = 0; step < 100; step++)
        {
            Pass(0.1);
            begun += Begin();
        }

        Assert.Equal(40, begun);
        Pass(1000);
        Assert.Equal(4, Begin()); // nothing more is saved up

        int Begin()
        {
            int count = 0;
            while (place.TryAsk(out _)) count++;
            return count;
        }
    }

    [Fact]
    public void Nearly_all_durations_are_known_after_twenty_by_size()
    {
        SourcePlace place = Create();
        for (int index = 1; index < 20; index++) place.Delivered(1000, TimeSpan.FromMilliseconds(index));
        Assert.Null(place.Latency(1000));
        place.Delivered(1000, TimeSpan.FromMilliseconds(20));
        Assert.Equal(TimeSpan.FromMilliseconds(19), place.Latency(1000));
        Assert.Null(place.Latency(1 << 20));
        for (int index = 0; index < 64; index++) place.Delivered(1000, TimeSpan.FromMilliseconds(7));
        Assert.Equal(TimeSpan.FromMilliseconds(7), place.Latency(4096));
    }

    private SourcePlace Create(double perSecond = 0) => new("place", new PlaceOptions { Time = _time, RequestsPerSecond = perSecond });

    private void Pass(double seconds) => _time.Advance(TimeSpan.FromSeconds(seconds));
}
