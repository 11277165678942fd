using Sluice.Formats;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Fetching;

public sealed class SourceFaultTests
{
    [Fact]
    public async Task WrongBytesAreFetchedAgainFromTheNextSource()
    {
        SyntheticBlob blob = SyntheticBlob.Create(1, 8);
        ScriptedSource liar = new(blob.Stored, "liar") { Spoil = static (_, bytes) => bytes.Span[0] ^= 1 };
        ScriptedSource honest = new(blob.Stored, "honest");
        using Rig rig = new(blob, sources: [liar, honest]);
        await rig.AssertReadAsync(0, 4 * 4096);
        Assert.Equal([(0L, 4 * 4096)], liar.Requests);
        Assert.Equal([(0L, 4096)], honest.Requests); // only the unit that was wrong
        Assert.Equal(1, rig.Fetcher.Counters.WrongBytes);
        string line = Assert.Single(rig.Log);
        Assert.Contains("liar: unit 0", line, StringComparison.Ordinal);

        await rig.AssertReadAsync(4 * 4096, 4096);
        Assert.Single(liar.Requests); // it is not asked first for a while
    }

    [Fact]
    public async Task ALoneSourceIsAskedOnceMoreThenTheReadFails()
    {
        SyntheticBlob blob = SyntheticBlob.Create(2, 8, maxMembers: 2);
        using Rig rig = new(blob, sources: new ScriptedSource(blob.Stored, "liar") { Spoil = static (_, bytes) => bytes.Span.Clear() });
        Assert.Equal(DiskError.InputOutput, await rig.Disk.ReadAsync(4096, new byte[4096]));
        Assert.Equal(2, rig.Source.Requests.Count);
        Assert.Equal(1, rig.Fetcher.Counters.Failures);
        string line = Assert.Single(rig.Log);
        Assert.Contains(blob.Blob.ToString(), line, StringComparison.Ordinal);
        Assert.Contains("liar: unit", line, StringComparison.Ordinal);

        rig.Source.Spoil = null;
        await rig.AssertReadAsync(0, blob.Content.Length); // the failure does not stick
    }

    [Fact]
    public async Task OneSpoiledUnitFailsOnlyWhoNeedsIt()
    {
        SyntheticBlob blob = SyntheticBlob.Create(3, 8);
        using Rig rig = new(blob);
        rig.Source.Spoil = static (offset, bytes) =>
        {
            if (offset <= 3 * 4096 && offset + bytes.Length > 3 * 4096) bytes.Span[(int)((3 * 4096) - offset)] ^= 0x80;
        };
        Assert.Equal(DiskError.InputOutput, await rig.Disk.ReadAsync(0, new byte[8 * 4096]));
        await rig.AssertReadAsync(0, 3 * 4096);
        await rig.AssertReadAsync(4 * 4096, 4 * 4096);
        Assert.Equal([(0L, 8 * 4096), (3 * 4096L, 4096)], rig.Source.Requests);
        Assert.Equal(DiskError.InputOutput, await rig.Disk.ReadAsync(3 * 4096, new byte[1]));
    }

    [Fact]
    public async Task ARefusingSourceIsReplacedByTheNext()
    {
        SyntheticBlob blob = SyntheticBlob.Create(4, 8);
        ScriptedSource[] refusing = [.. Enumerable.Range(0, 3).Select(index => Refusing(blob, $"refusing {index}"))];
        using Rig rig = new(blob, sources: [.. refusing, new ScriptedSource(blob.Stored, "good")]);
        await rig.AssertReadAsync(0, 4096);
        Assert.Equal(3, rig.Fetcher.Counters.SourceFailures);
        Assert.All(refusing, source => Assert.Single(source.Requests));
    }

    [Fact]
    public async Task WhenAllRefuseTheLogNamesThemAll()
    {
        SyntheticBlob blob = SyntheticBlob.Create(5, 8);
        using Rig rig = new(blob, sources: [Refusing(blob, "first"), Refusing(blob, "second")]);
        Assert.Equal(DiskError.InputOutput, await rig.Disk.ReadAsync(0, new byte[4096]));
        string line = Assert.Single(rig.Log);
        Assert.Contains("first: no such blob; second: no such blob", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ABlobThatIsTooShortIsAnError()
    {
        SyntheticBlob blob = SyntheticBlob.Create(6, 8);
        using Rig rig = new(blob, sources: new ScriptedSource(blob.Stored[..^1], "short"));
        Assert.Equal(DiskError.InputOutput, await rig.Disk.ReadAsync(7 * 4096, new byte[4096]));
        Assert.Contains("ends before the range", Assert.Single(rig.Log), StringComparison.Ordinal);
        await rig.AssertReadAsync(0, 7 * 4096);
    }

    [Fact]
    public async Task AStalledSourceIsLeftForTheNextAfterItsTime()
    {
        SyntheticBlob blob = SyntheticBlob.Create(7, 8);
        ManualTime time = new();
        Gate gate = new();
        ScriptedSource stalled = new(blob.Stored, "stalled") { Script = (_, _, cancellation) => gate.PassAsync(cancellation) };
        using Rig rig = new(blob, Rig.NoExtras with { Time = time }, sources: [stalled, new ScriptedSource(blob.Stored, "good")]);
        Task read = rig.AssertReadAsync(0, 4096);
        await gate.ArrivedAsync(1);
        time.Advance(TimeSpan.FromSeconds(20));
        await read;
        Assert.Contains("stalled: no answer within 20 s", Assert.Single(rig.Log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASourceThatFailedUntilItsTimeWasUpSaysWhy()
    {
        SyntheticBlob blob = SyntheticBlob.Create(15, 8);
        ManualTime time = new();
        Gate gate = new();
        ScriptedSource failing = new(blob.Stored, "failing")
        {
            Script = async (_, _, cancellation) =>
            {
                try
                {
                    await gate.PassAsync(cancellation);
                }
                catch (OperationCanceledException cancelled)
                {
                    await Task.Yield(); // it may take a moment to hear of it
                    throw new OperationCanceledException("", new SluiceException(SluiceError.Source, "failing", "connection refused"), cancelled.CancellationToken);
                }
            },
        };
        using Rig rig = new(blob, Rig.NoExtras with { Time = time }, sources: failing);
        Task<DiskError> read = rig.Disk.ReadAsync(0, new byte[4096]).AsTask();
        await gate.ArrivedAsync(1);
        time.Advance(TimeSpan.FromSeconds(20));
        await gate.ArrivedAsync(1); // asked once more
        time.Advance(TimeSpan.FromSeconds(40));
        Assert.Equal(DiskError.InputOutput, await read);
        Assert.Contains("failing: connection refused, given up after 20 s", rig.Log[0], StringComparison.Ordinal);
        Assert.DoesNotContain("no answer", string.Join('\n', rig.Log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AReadEndsAtItsDeadline()
    {
        SyntheticBlob blob = SyntheticBlob.Create(8, 8);
        ManualTime time = new();
        Gate gate = new();
        ScriptedSource stalled = new(blob.Stored, "stalled") { Script = (_, _, cancellation) => gate.PassAsync(cancellation) };
        using Rig rig = new(blob, Rig.NoExtras with { Time = time }, sources: stalled);
        byte[] buffer = new byte[4096];
        Task<DiskError> read = rig.Disk.ReadAsync(0, buffer).AsTask();
        await gate.ArrivedAsync(1);
        time.Advance(TimeSpan.FromSeconds(20));
        await gate.ArrivedAsync(1); // asked once more
        time.Advance(TimeSpan.FromSeconds(39));
        Assert.False(read.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(DiskError.InputOutput, await read);
        Assert.Equal(2, stalled.Requests.Count);
    }

    [Fact]
    public async Task ASourceThatDoesNotHeedCancellationKeepsItsBufferAndNothingElse()
    {
        SyntheticBlob blob = SyntheticBlob.Create(9, 8);
        ManualTime time = new();
        Gate gate = new();
        ScriptedSource deaf = new(blob.Stored, "deaf") { Script = (_, _, _) => gate.PassAsync(CancellationToken.None) };
        using Rig rig = new(blob, Rig.NoExtras with { Time = time }, sources: [deaf, new ScriptedSource(blob.Stored, "good")]);
        Task read = rig.AssertReadAsync(0, 4096);
        await gate.ArrivedAsync(1);
        time.Advance(TimeSpan.FromSeconds(21)); // its time, and that to say why
        await read;
        Assert.NotEqual(0, rig.Fetcher.GetActivity().BytesInFlight);
        gate.Open();
        for (int turn = 0; rig.Fetcher.GetActivity().BytesInFlight != 0; turn++)
        {
            Assert.True(turn < 1_000_000, "the memory was not given back");
            await Task.Yield();
        }
    }

    [Fact]
    public async Task WhoJoinedAFetchThatFailsTriesItsOwnSources()
    {
        SyntheticBlob blob = SyntheticBlob.Create(10, 8);
        Gate gate = new();
        ScriptedSource refusing = new(blob.Stored, "refusing")
        {
            Script = async (_, _, cancellation) =>
            {
                await gate.PassAsync(cancellation);
                throw new SluiceException(SluiceError.Source, "refusing", "no");
            },
        };
        using Rig rig = new(blob, sources: refusing);
        using FilesystemDisk other = rig.Open(blob, new ScriptedSource(blob.Stored, "good"));
        Task<DiskError> first = rig.Disk.ReadAsync(0, new byte[4096]).AsTask();
        await gate.ArrivedAsync(1);
        Task second = Rig.AssertReadAsync(other, blob, 0, 4096);
        Assert.Equal(1, rig.Fetcher.Counters.Joined);
        gate.Open();
        Assert.Equal(DiskError.InputOutput, await first);
        await second;
    }

    [Fact]
    public async Task RandomFaultsNeverGiveWrongBytes()
    {
        (long wrong, long failed) = (0, 0);
        for (int seed = 0; seed < 8; seed++)
        {
            SyntheticBlob blob = SyntheticBlob.Create(seed, 80, 12_000, maxMembers: 3, vary: true, maxGap: 2000);
            using Rig rig = new(blob, new FetchOptions { Amplification = 16384, MemoryInFlight = 1 << 18, MaxFetch = 1 << 16 }, sources: [Unreliable(blob, seed), Unreliable(blob, seed + 50)]);
            int errors = 0;
            await Task.WhenAll(Enumerable.Range(0, 8).Select(reader => Task.Run(async () =>
            {
                Random random = new((seed * 100) + reader);
                for (int index = 0; index < 60; index++)
                {
                    int offset = random.Next(blob.Content.Length);
                    byte[] buffer = new byte[random.Next(1, Math.Min(60_000, blob.Content.Length - offset + 1))];
                    if (!rig.Disk.TryRead(offset, buffer) && await rig.Disk.ReadAsync(offset, buffer) != DiskError.None)
                    {
                        Interlocked.Increment(ref errors);
                        continue;
                    }

                    Assert.True(blob.Content.AsSpan(offset, buffer.Length).SequenceEqual(buffer), $"seed {seed}: wrong bytes at {offset}+{buffer.Length}");
                }
            })));
            Assert.Equal(errors, rig.Fetcher.Counters.Failures);
            (wrong, failed) = (wrong + rig.Fetcher.Counters.WrongBytes, failed + rig.Fetcher.Counters.SourceFailures);
        }

        Assert.True(wrong > 0 && failed > 0, "the sources were too good to test anything");
    }

    [Fact]
    public async Task ASourceThatIsAwayForTheMomentIsWaitedFor()
    {
        SyntheticBlob blob = SyntheticBlob.Create(11, 8);
        int left = 3;
        ScriptedSource away = new(blob.Stored, "away") { Script = (_, _, _) => left-- > 0 ? throw new AwayException(TimeSpan.Zero) : Task.CompletedTask };
        using Rig rig = new(blob, Rig.NoExtras with { RetryDelay = TimeSpan.FromMilliseconds(1) }, sources: away);
        await rig.AssertReadAsync(0, 4096);
        Assert.Equal(4, away.Requests.Count);
        Assert.EndsWith("fetched after a failure: away: not now", Assert.Single(rig.Log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASourceThatStaysAwayIsGivenUpBeforeTheDeadline()
    {
        SyntheticBlob blob = SyntheticBlob.Create(12, 8);
        ManualTime time = new();
        ScriptedSource away = new(blob.Stored, "away") { Script = (_, _, _) => throw new AwayException(TimeSpan.FromSeconds(25)) };
        using Rig rig = new(blob, Rig.NoExtras with { Time = time }, sources: away);
        Task<DiskError> read = rig.Disk.ReadAsync(0, new byte[4096]).AsTask();
        for (int asked = 1; asked <= 2; asked++)
        {
            await Eventually.TrueAsync(() => away.Requests.Count == asked && time.HasTimer(TimeSpan.FromSeconds(25)));
            Assert.False(read.IsCompleted);
            time.Advance(TimeSpan.FromSeconds(25));
        }

        Assert.Equal(DiskError.InputOutput, await read);
        Assert.Equal(3, away.Requests.Count);
        Assert.EndsWith("can't be fetched: away: not now", Assert.Single(rig.Log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASourceThatAsksForTooLongIsNotWaitedFor()
    {
        SyntheticBlob blob = SyntheticBlob.Create(13, 8);
        ScriptedSource away = new(blob.Stored, "away") { Script = (_, _, _) => throw new AwayException(TimeSpan.FromMinutes(10)) };
        using Rig rig = new(blob, sources: away);
        Assert.Equal(DiskError.InputOutput, await rig.Disk.ReadAsync(0, new byte[4096]));
        Assert.Single(away.Requests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ClosingEndsReadsThatWaitForASource(bool all)
    {
        SyntheticBlob blob = SyntheticBlob.Create(14, 8);
        ScriptedSource away = new(blob.Stored, "away") { Script = (_, _, _) => throw new AwayException(TimeSpan.FromSeconds(30)) };
        using Rig rig = new(blob, sources: away);
        Task<DiskError> read = rig.Disk.ReadAsync(0, new byte[4096]).AsTask();
        await Eventually.TrueAsync(() => away.Requests.Count == 1 && rig.Fetcher.Counters.Retries == 1);
        if (all) rig.Fetcher.Dispose();
        else rig.Disk.Dispose();
        Assert.Equal(DiskError.InputOutput, await read);
    }

    private static ScriptedSource Refusing(SyntheticBlob blob, string name) =>
        new(blob.Stored, name) { Script = (_, _, _) => throw new SluiceException(SluiceError.Source, name, "no such blob") };

    /// <summary>Half of its answers are right, the others late, refused, cut or changed.</summary>
    private static ScriptedSource Unreliable(SyntheticBlob blob, int seed)
    {
        Random random = new(seed);
        int Roll(int sides)
        {
            lock (random) return random.Next(sides);
        }

        return new ScriptedSource(blob.Stored, $"unreliable {seed}")
        {
            Script = async (_, _, _) =>
            {
                int roll = Roll(10);
                for (int yields = roll; yields > 0; yields--) await Task.Yield();
                if (roll == 0) throw new SluiceException(SluiceError.Source, "unreliable", "refused");
                if (roll == 1) throw new IOException("reset");
            },
            Spoil = (_, bytes) =>
            {
                int roll = Roll(10);
                if (roll == 0) bytes.Span[Roll(bytes.Length)] ^= 1;
                if (roll == 1) bytes.Span[(bytes.Length / 2)..].Clear();
            },
        };
    }
}
