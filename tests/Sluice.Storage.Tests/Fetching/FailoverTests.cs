using Sluice.Formats;
using Sluice.Storage.Activity;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Places;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Fetching;

/// <summary>Who is asked next when a source fails, and who is not asked for a while.</summary>
public sealed class FailoverTests
{
    private static SyntheticBlob Blob(int seed) => SyntheticBlob.Create(seed, 64);

    [Fact]
    public async Task Wrong_bytes_of_one_blob_leave_the_place_its_others()
    {
        (SyntheticBlob spoiled, SyntheticBlob fine) = (Blob(30), Blob(31));
        ScriptedSource liar = new(spoiled.Stored, "mirror") { Spoil = static (_, bytes) => bytes.Span[0] ^= 1 };
        ScriptedSource good = new(fine.Stored, "mirror");
        using Rig rig = new(spoiled, sources: [liar, new ScriptedSource(spoiled.Stored, "registry")]);
        using FilesystemDisk other = rig.Open(fine, good, new ScriptedSource(fine.Stored, "registry"));
        await rig.AssertReadAsync(0, 4096);
        await rig.AssertReadAsync(40 * 4096, 4096);
        await Rig.AssertReadAsync(other, fine, 0, 4096);
        Assert.Single(liar.Requests);
        Assert.Single(good.Requests);
        SourceReport mirror = Assert.Single(rig.Fetcher.GetSources(), report => report.Health.Name == "mirror");
        Assert.Equal((1, PlaceState.Healthy, 1), (mirror.Health.Distrusted, mirror.Health.State, mirror.Totals.FailuresOf(SourceFailure.Wrong)));
        Assert.Contains("mirror: unit 0", Assert.Single(rig.Log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_open_blob_is_read_from_the_sources_that_there_are_now()
    {
        SyntheticBlob blob = Blob(60);
        ScriptedSource old = new(blob.Stored, "old"), fresh = new(blob.Stored, "fresh");
        FollowedSources sources = new([old]);
        using Rig rig = new(blob);
        using FilesystemDisk disk = new("followed", new BlobReader(blob, rig.Directory, rig.Fetcher, sources));
        await Rig.AssertReadAsync(disk, blob, 0, 4096);
        sources.Current = [fresh, old];
        await Rig.AssertReadAsync(disk, blob, 40 * 4096, 4096);
        Assert.Equal((1, 1), (old.Requests.Count, fresh.Requests.Count));
    }

    [Fact]
    public async Task Another_image_with_the_blob_knows_who_lied()
    {
        SyntheticBlob blob = Blob(32);
        ScriptedSource liar = new(blob.Stored, "mirror") { Spoil = static (_, bytes) => bytes.Span[0] ^= 1 };
        using Rig rig = new(blob, sources: [liar, new ScriptedSource(blob.Stored, "registry")]);
        await rig.AssertReadAsync(0, 4096);
        using FilesystemDisk other = rig.Open(blob, liar, new ScriptedSource(blob.Stored, "registry"));
        await Rig.AssertReadAsync(other, blob, 40 * 4096, 4096);
        Assert.Single(liar.Requests);
    }

    [Fact]
    public async Task A_blob_that_a_place_lacks_says_nothing_about_its_others()
    {
        (SyntheticBlob missing, SyntheticBlob there) = (Blob(33), Blob(34));
        ScriptedSource lacking = new(missing.Stored, "bucket") { Script = static (_, _, _) => throw new SluiceException(SluiceError.NotFound, "bucket", "no such blob") };
        ScriptedSource having = new(there.Stored, "bucket");
        using Rig rig = new(missing, sources: [lacking, new ScriptedSource(missing.Stored, "registry")]);
        using FilesystemDisk other = rig.Open(there, having, new ScriptedSource(there.Stored, "registry"));
        for (int chunk = 0; chunk < 60; chunk += 20)
        {
            await rig.AssertReadAsync(chunk * 4096, 4096);
            await Rig.AssertReadAsync(other, there, chunk * 4096, 4096);
        }

        Assert.Single(lacking.Requests);
        Assert.Equal(3, having.Requests.Count);
    }

    [Fact]
    public async Task A_place_that_is_away_is_left_alone_by_all_images_and_comes_back()
    {
        (SyntheticBlob first, SyntheticBlob second) = (Blob(35), Blob(36));
        ManualTime time = new();
        bool away = true;
        ScriptedSource Mirror(SyntheticBlob blob) => new(blob.Stored, "mirror") { Script = (_, _, _) => away ? throw new AwayException(TimeSpan.Zero) : Task.CompletedTask };
        (ScriptedSource one, ScriptedSource two) = (Mirror(first), Mirror(second));
        using Rig rig = new(first, Rig.NoExtras with { Time = time }, sources: [one, new ScriptedSource(first.Stored, "registry")]);
        using FilesystemDisk other = rig.Open(second, two, new ScriptedSource(second.Stored, "registry"));
        await rig.AssertReadAsync(0, 4096);
        await Rig.AssertReadAsync(other, second, 0, 4096);
        Assert.Equal((1, 0), (one.Requests.Count, two.Requests.Count));
        Assert.Equal(1, rig.Fetcher.Counters.Source("mirror").FailuresOf(SourceFailure.Broken));

        away = false;
        time.Advance(TimeSpan.FromSeconds(10));
        await Rig.AssertReadAsync(other, second, 20 * 4096, 4096);
        await rig.AssertReadAsync(20 * 4096, 4096);
        Assert.Equal((2, 1), (one.Requests.Count, two.Requests.Count));
    }

    [Fact]
    public async Task Who_gave_wrong_bytes_is_asked_once_more_when_the_others_have_failed()
    {
        SyntheticBlob blob = Blob(37);
        int lies = 1;
        ScriptedSource once = new(blob.Stored, "mirror") { Spoil = (_, bytes) => bytes.Span[0] ^= (byte)(lies-- > 0 ? 1 : 0) };
        ScriptedSource refusing = new(blob.Stored, "registry") { Script = static (_, _, _) => throw new SluiceException(SluiceError.NotFound, "registry", "no such blob") };
        using Rig rig = new(blob, sources: [once, refusing]);
        await rig.AssertReadAsync(0, 4096);
        Assert.Equal((2, 1), (once.Requests.Count, refusing.Requests.Count));
    }

    [Fact]
    public async Task Wrong_bytes_from_everybody_end_in_an_error_that_names_everybody()
    {
        SyntheticBlob blob = Blob(38);
        ScriptedSource Liar(string name) => new(blob.Stored, name) { Spoil = static (_, bytes) => bytes.Span.Clear() };
        using Rig rig = new(blob, sources: [Liar("one"), Liar("two"), Liar("three")]);
        Assert.Equal(DiskError.InputOutput, await rig.Disk.ReadAsync(0, new byte[4096]));
        Assert.All(rig.Sources, source => Assert.Equal(2, source.Requests.Count));
        string line = Assert.Single(rig.Log);
        Assert.All(rig.Sources, source => Assert.Contains($"{source.Name}: unit 0", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Silent_places_share_the_time_of_a_read()
    {
        SyntheticBlob blob = Blob(39);
        ManualTime time = new();
        Gate gate = new();
        ScriptedSource Silent(string name) => new(blob.Stored, name) { Script = (_, _, cancellation) => gate.PassAsync(cancellation) };
        using Rig rig = new(blob, Rig.NoExtras with { Time = time, RequestDeadline = TimeSpan.FromSeconds(12) }, sources: [Silent("one"), Silent("two"), new ScriptedSource(blob.Stored, "three")]);
        Task read = rig.AssertReadAsync(0, 4096);
        for (int place = 0; place < 2; place++)
        {
            await gate.ArrivedAsync(1);
            time.Advance(TimeSpan.FromSeconds(4));
        }

        await read;
        Assert.Contains("one: no answer within 4 s; two: no answer within 4 s", Assert.Single(rig.Log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_pause_that_a_place_asks_for_holds_back_all_images()
    {
        (SyntheticBlob first, SyntheticBlob second) = (Blob(40), Blob(41));
        ManualTime time = new();
        int refusals = 1;
        ScriptedSource busy = new(first.Stored, "registry") { Script = (_, _, _) => refusals-- > 0 ? throw new AwayException(TimeSpan.FromSeconds(7)) : Task.CompletedTask };
        ScriptedSource same = new(second.Stored, "registry");
        using Rig rig = new(first, Rig.NoExtras with { Time = time }, sources: busy);
        using FilesystemDisk other = rig.Open(second, same);
        Task one = rig.AssertReadAsync(0, 4096);
        await Eventually.TrueAsync(() => rig.Fetcher.Counters.Retries == 1);
        Task two = Rig.AssertReadAsync(other, second, 0, 4096);
        time.Advance(TimeSpan.FromSeconds(6.9));
        Assert.Equal((1, 0), (busy.Requests.Count, same.Requests.Count));
        PlaceHealth health = Assert.Single(rig.Fetcher.GetSources()).Health;
        Assert.Equal((PlaceState.HeldBack, 1), (health.State, health.Pauses));
        time.Advance(TimeSpan.FromSeconds(0.2));
        await Task.WhenAll(one, two);
        Assert.Equal(1, rig.Fetcher.Counters.Source("registry").FailuresOf(SourceFailure.Throttled));
    }

    [Fact]
    public async Task A_read_that_can_not_wait_for_the_end_of_a_pause_asks_all_the_same()
    {
        SyntheticBlob blob = Blob(43);
        ManualTime time = new();
        int refusals = 1;
        ScriptedSource busy = new(blob.Stored, "registry") { Script = (_, _, _) => refusals-- > 0 ? throw new AwayException(TimeSpan.FromMinutes(9)) : Task.CompletedTask };
        using Rig rig = new(blob, Rig.NoExtras with { Time = time }, sources: busy);
        Assert.Equal(DiskError.InputOutput, await rig.Disk.ReadAsync(0, new byte[4096]));
        Task read = rig.AssertReadAsync(0, 4096);
        Assert.Single(busy.Requests);
        time.Advance(TimeSpan.FromSeconds(1));
        await read;
        await rig.AssertReadAsync(40 * 4096, 4096); // the pause is over
    }

    [Fact]
    public async Task While_one_place_pauses_another_delivers()
    {
        SyntheticBlob blob = Blob(42);
        ScriptedSource busy = new(blob.Stored, "mirror") { Script = static (_, _, _) => throw new AwayException(TimeSpan.FromSeconds(50)) };
        ScriptedSource registry = new(blob.Stored, "registry");
        using Rig rig = new(blob, sources: [busy, registry]);
        for (int chunk = 0; chunk < 60; chunk += 20) await rig.AssertReadAsync(chunk * 4096, 4096);
        Assert.Equal((1, 3), (busy.Requests.Count, registry.Requests.Count));
    }
}
