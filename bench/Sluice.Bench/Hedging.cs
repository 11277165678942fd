using System.Diagnostics;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;

namespace Sluice.Bench;

/// <summary>
/// Reads that all miss, from two places of which the first lets one request in fifty wait two seconds: without and with second
/// requests. Places are in memory, with delays: what is measured is the decision, not a network.
/// </summary>
internal static class Hedging
{
    private const int Reads = 1000;
    private const int ChunkSize = 64 << 10;
    private const int Readers = 4;

    public static async Task RunAsync()
    {
        Console.WriteLine($"{"second requests",-20}{"p50 ms",10}{"p90 ms",10}{"p99 ms",10}{"longest",10}{"total s",10}{"requests",10}");
        foreach (double share in (double[])[0, 0.05])
        {
            await MeasureAsync(share, lone: false);
            await MeasureAsync(share, lone: true);
        }
    }

    private static async Task MeasureAsync(double share, bool lone)
    {
        string root = Directory.CreateTempSubdirectory("sluice-bench-").FullName;
        try
        {
            Random random = new(7);
            using CacheDirectory directory = new(root);
            using Fetcher fetcher = new(new FetchOptions { HedgeShare = share, Amplification = 0, MaxReadAhead = 0, MergeGap = 0 });
            MemorySource straggling = new(Reads, ChunkSize, "straggling", () => Delay(random, 0.02));
            MemorySource steady = new(Reads, ChunkSize, "steady", () => Delay(random, 0));
            using FilesystemDisk disk = new("bench", new BlobReader(new RafsBlobFormat(straggling.NewDecoder()), directory, fetcher, lone ? [straggling] : [straggling, steady]));
            double[] times = new double[Reads];
            Stopwatch watch = Stopwatch.StartNew();
            await Task.WhenAll(Enumerable.Range(0, Readers).Select(reader => Task.Run(() => ReadAsync(disk, reader, times))));
            double total = watch.Elapsed.TotalSeconds;
            Array.Sort(times);
            string name = $"{(share == 0 ? "none" : $"{share:P0}")}, {(lone ? "one place" : "two places")}";
            Console.WriteLine($"{name,-20}{times[Reads / 2],10:0.0}{times[Reads * 9 / 10],10:0.0}{times[Reads * 99 / 100],10:0.0}{times[^1],10:0.0}{total,10:0.0}{fetcher.Counters.Fetches,10}");
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static async Task ReadAsync(FilesystemDisk disk, int reader, double[] times)
    {
        byte[] buffer = new byte[ChunkSize];
        for (int chunk = reader; chunk < Reads; chunk += Readers)
        {
            long started = Stopwatch.GetTimestamp();
            if (await disk.ReadAsync((long)chunk * ChunkSize, buffer) != DiskError.None) throw new InvalidOperationException("a read failed");
            times[chunk] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        }
    }

    /// <summary>About 20 ms; some two seconds.</summary>
    private static TimeSpan Delay(Random random, double straggling)
    {
        lock (random) return TimeSpan.FromMilliseconds(random.NextDouble() < straggling ? 2000 : 15 + (10 * random.NextDouble()));
    }
}
