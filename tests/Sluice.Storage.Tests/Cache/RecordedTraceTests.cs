using Sluice.Storage.Cache;
using Sluice.Storage.Tests.Fetching;

namespace Sluice.Storage.Tests.Cache;

/// <summary>Hits of the cache on what real programs have read, against those of an LRU over single chunks that has all of the quota for them.</summary>
public sealed class RecordedTraceTests : IDisposable
{
    /// <summary>Bytes that are charged for the files, and for each page of the chunk map, which names 255 chunks: the oracle does not need them.</summary>
    private const long Files = 3 * 4096, Page = 3 * 4096, ChunksOfPage = 255;

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
        long overhead = Files + ((recorded.Lengths.Length + ChunksOfPage - 1) / ChunksOfPage * Page);
        List<string> bad = [];
        foreach (int percent in new[] { 10, 20, 40, 60, 80 })
        {
            long quota = touched * percent / 100;
            using Rig rig = new(blob, cacheOptions: new CacheOptions { Quota = DiskShare.OfBytes(quota + overhead) }, root: Path.Combine(_root, $"{percent}"));
            foreach (int chunk in recorded.Reads)
            {
                await rig.AssertReadAsync(blob.GetExtent(chunk).Offset, recorded.Lengths[chunk]);
                await Eventually.TrueAsync(() => !rig.Directory.IsEvicting); // or the speed of the machine would decide
            }

            long hits = rig.Fetcher.Counters.Hits;
            int oracle = recorded.CountLruHits(quota);
            string line = $"{name}, {percent} % of {touched >> 20} MiB: {recorded.Reads.Length} reads, {hits} hits; LRU {oracle}: {(double)hits / oracle:0.000}";
            TestContext.Current.TestOutputHelper?.WriteLine(line);
            if (hits < 0.95 * oracle) bad.Add(line);
        }

        Assert.Empty(bad);
    }
}
