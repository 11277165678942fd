using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources.Faults;

/// <summary>
/// Every kind of fault, with several seeds, on both kinds of disks: now and then, then always, then no longer. What is read is right, or
/// an error by the deadline whose log line names the registry and why; nothing wrong is ever kept. <c>SLUICE_FAULT_SEEDS</c> makes it long,
/// <c>SLUICE_FAULT_TABLE</c> names a file that gets a line for each case (<c>./bench.sh faults</c>).
/// </summary>
public sealed class FaultTests
{
    private static readonly Lock Table = new();

    /// <summary>No read that may end in an error may take this long: its deadline is 1.5 s. What does no harm has the deadline of everybody, and may take it on a slow machine.</summary>
    private static readonly TimeSpan ErrorLimit = TimeSpan.FromSeconds(8), HarmlessLimit = TimeSpan.FromSeconds(30);

    private static int Seeds => int.Parse(Environment.GetEnvironmentVariable("SLUICE_FAULT_SEEDS") ?? "2", CultureInfo.InvariantCulture);

    public static TheoryData<string> Kinds => [.. FaultCatalog.Cases.Select(kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task ReadsAreRightOrANamedErrorAndRightAgainAfterwards(string name)
    {
        FaultCase kind = FaultCatalog.Get(name);
        FaultDisk blocks = await FaultDisk.OfBlocksAsync();
        foreach (int[] some in Enumerable.Range(1, Seeds).Chunk(2))
        {
            await Task.WhenAll(some.SelectMany(seed => (Task[])[RunAsync(kind, seed, "chunks", FaultDisk.OfChunks(seed)), RunAsync(kind, seed, "blocks", blocks)]));
        }
    }

    [Fact]
    public void ThereAreAtLeastTwentyKinds() => Assert.InRange(FaultCatalog.Cases.Count, 20, 200);

    private static async Task RunAsync(FaultCase kind, int seed, string form, FaultDisk content)
    {
        Random random = new(seed);
        int[] pieces = [.. Enumerable.Range(0, content.Pieces)];
        random.Shuffle(pieces);
        await using FaultRig rig = FaultRig.Open(content, kind);
        Fault? Spoil(double share)
        {
            lock (random) return random.NextDouble() < share ? kind.Make(random, rig.Places) : null;
        }

        TimeSpan limit = kind.Reason is null ? HarmlessLimit : ErrorLimit;
        rig.Spoil(() => Spoil(0.4));
        int[] first = pieces[..^2], last = pieces[^2..];
        (int sometimes, TimeSpan firstTime) = await TimeAsync(rig.ReadAsync(first), limit);
        rig.Spoil(() => Spoil(1));
        (int always, TimeSpan lastTime) = await TimeAsync(rig.ReadAsync(last), limit);
        Write(kind, seed, form, sometimes + always, content.Pieces - sometimes - always, firstTime > lastTime ? firstTime : lastTime);
        if (kind.Reason is null)
        {
            Assert.True(sometimes == first.Length && always == last.Length, $"{kind}, seed {seed}, {form}: {sometimes} and {always} pieces could be read\n{rig.Log}");
        }
        else
        {
            Assert.True(always < last.Length || kind.MayDoNoHarm, $"{kind}, seed {seed}, {form}: everything could be read");
            Assert.True(always == last.Length || Regex.IsMatch(rig.Log, $"blob sha256:.*registry {Regex.Escape(rig.Authority)}.*({kind.Reason})"), $"{kind}, seed {seed}, {form}: the log does not say why\n{rig.Log}");
        }

        await rig.ReadAllRightAsync();
    }

    private static async Task<(int Read, TimeSpan Time)> TimeAsync(Task<int> reads, TimeSpan limit)
    {
        long started = Stopwatch.GetTimestamp();
        int read = await reads.WaitAsync(limit);
        return (read, Stopwatch.GetElapsedTime(started));
    }

    private static void Write(FaultCase kind, int seed, string form, int right, int failed, TimeSpan time)
    {
        if (Environment.GetEnvironmentVariable("SLUICE_FAULT_TABLE") is not { Length: > 0 } file) return;
        lock (Table) File.AppendAllText(file, string.Create(CultureInfo.InvariantCulture, $"{kind}\t{seed}\t{form}\t{right}\t{failed}\t{time.TotalSeconds:0.000}\n"));
    }
}
