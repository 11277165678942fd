using Sluice.Storage.Cache;
using Sluice.Storage.Tests.Fetching;

namespace Sluice.Storage.Tests.Cache;

/// <summary>
/// Hits of the cache on what real programs have read, against those of an LRU: at each quota one that has what is below the high watermark, over all quotas one that has all of
/// the quota. At single quotas the latter may be far ahead, where what a loop reads just fits into it and not into 98 % of it.
/// </summary>
public sealed class RecordedTraceTests : IDisposable
{
    /// <summary>The account's blocks of files and chunk maps, which the oracle does not need.</summary>
    private const long Overhead = 64 << 10;

    private readonly string _root = LoopFileSystem.Memory();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("interpreter")]
    [InlineData("work")]
    [InlineData("two-images")]
    public async Task HitsAreThoseOfLruOrNearly(string name)
    {
        RecordedReads recorded = RecordedReads.Load(name);
        SyntheticBlob blob = SyntheticBlob.Of(recorded.Lengths);
        long touched = Enumerable.Range(0, recorded.Lengths.Length).Sum(recorded.BlocksOf);
        List<string> bad = [];
        long sum = 0, oracle = 0;
        foreach (int percent in new[] { 10, 20, 40, 60, 80 })
        {
            long quota = touched * percent / 100;
            using Rig rig = new(blob, cacheOptions: new CacheOptions { Quota = DiskShare.OfBytes(quota + Overhead) }, root: Path.Combine(_root, $"{percent}"));
            foreach (int chunk in recorded.Reads)
            {
                await rig.AssertReadAsync(blob.GetExtent(chunk).Offset, recorded.Lengths[chunk]);
                if (rig.Directory.Counters.UsedBytes > quota * 95 / 100) rig.Directory.Evict(quota * 90 / 100); // or the seconds between would decide
            }

            long hits = rig.Fetcher.Counters.Hits;
            int usable = recorded.CountLruHits(quota * 95 / 100), whole = recorded.CountLruHits(quota);
            (sum, oracle) = (sum + hits, oracle + whole);
            string line = $"{name}, {percent} % of {touched >> 20} MiB: {recorded.Reads.Length} reads, {hits} hits; LRU up to the watermark {usable}: {(double)hits / usable:0.000}; with all of the quota {whole}: {(double)hits / whole:0.000}";
            TestContext.Current.TestOutputHelper?.WriteLine(line);
            if (hits < 0.95 * usable) bad.Add(line);
        }

        if (sum < 0.95 * oracle) bad.Add($"{sum} hits in all, LRU {oracle}");
        Assert.Empty(bad);
    }
}
