using System.Diagnostics;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;

namespace Sluice.Bench;

/// <summary>
/// First reads while the cache's disk is full, read-only or fails writes, beside the same reads with a healthy one, in turns within one run. Each disk is an ext4 over a loop device; the
/// source is in memory and takes two milliseconds. Percentiles are of reads that had to wait, the mean is of all: sequential reads of a healthy cache mostly find what was read ahead. Needs root.
/// </summary>
internal static class BadDisk
{
    private const int Chunks = 768;
    private const int ChunkSize = 64 << 10;
    private const int Readers = 4;
    private const int Rounds = 4;

    /// <summary>What happens to a disk after the cache was opened on it.</summary>
    private static readonly (string Name, string Size, bool OnFullDisk, Action<string> Break)[] Faults =
    [
        ("full", "16M", false, path => Run($"dd if=/dev/zero of={path}/filler bs=64k 2>/dev/null || true")),
        ("read-only", "256M", false, path => Run($"echo 1 > /sys/fs/ext4/$(basename $(findmnt -no SOURCE {path}))/trigger_fs_error")), // as after an error of the disk
        ("failing writes", "512M", true, _ => { }), // what the file behind it has no room for is lost on the way to the disk
    ];

    public static async Task RunAsync()
    {
        string scratch = Directory.CreateTempSubdirectory("sluice-bench-").FullName;
        try
        {
            string healthy = Mount(scratch, "healthy", "256M", scratch);
            Console.WriteLine($"{"reads",-24}{"disk",-16}{"p50 ms",10}{"p99 ms",10}{"of all ms",11}{"ratio p50",11}{"ratio p99",11}{"ratio all",11}");
            foreach ((string order, int size) in ((string, int)[])[("random, 64 KiB", ChunkSize), ("sequential, 128 KiB", 2 * ChunkSize)])
            {
                foreach ((string name, string space, bool onFullDisk, Action<string> breakIt) in Faults)
                {
                    if (onFullDisk) Run($"mkdir -p {scratch}/backing; mount -t tmpfs -o size=4m none {scratch}/backing");
                    string bad = Mount(scratch, "bad", space, onFullDisk ? $"{scratch}/backing" : scratch);
                    await CompareAsync(order, size, name, healthy, bad, breakIt);
                    Unmount(scratch);
                }
            }
        }
        finally
        {
            Unmount(scratch);
            Run($"umount -l {scratch}/healthy 2>/dev/null || true");
            Directory.Delete(scratch, recursive: true);
        }
    }

    private static async Task CompareAsync(string order, int size, string name, string healthy, string bad, Action<string> breakIt)
    {
        List<double> good = [], worse = [];
        using CacheDirectory broken = new($"{bad}/cache");
        breakIt(bad);
        for (int round = 0; round < Rounds; round++)
        {
            string root = $"{healthy}/{round}";
            using (CacheDirectory directory = new(root)) await MeasureAsync(directory, size, good);
            Directory.Delete(root, recursive: true);
            await MeasureAsync(broken, size, worse);
        }

        (double p50, double p99, double mean) = Figures(good);
        (double badP50, double badP99, double badMean) = Figures(worse);
        Console.WriteLine($"{order,-24}{"healthy",-16}{p50,10:0.00}{p99,10:0.00}{mean,11:0.00}");
        Console.WriteLine($"{"",-24}{name,-16}{badP50,10:0.00}{badP99,10:0.00}{badMean,11:0.00}{badP50 / p50,11:0.00}{badP99 / p99,11:0.00}{badMean / mean,11:0.00}");
    }

    /// <summary>Of reads that had to wait the median and the 99th percentile, of all the mean.</summary>
    private static (double P50, double P99, double Mean) Figures(List<double> times)
    {
        const double hit = 0.2; // a copy from the page cache takes less, the source ten times as much
        double[] misses = [.. times.Where(time => time > hit).Order()];
        return (misses[misses.Length / 2], misses[misses.Length * 99 / 100], times.Average());
    }

    private static async Task MeasureAsync(CacheDirectory directory, int size, List<double> times)
    {
        using Fetcher fetcher = new();
        MemorySource source = new(Chunks, ChunkSize, delay: () => TimeSpan.FromMilliseconds(2));
        using FilesystemDisk disk = new("bench", new BlobReader(new RafsBlobFormat(source.NewDecoder()), directory, fetcher, [source]));
        int reads = (int)(disk.Length / size);
        int[] order = [.. Enumerable.Range(0, reads)];
        if (size == ChunkSize) new Random(1).Shuffle(order);
        double[] own = new double[reads];
        await Task.WhenAll(Enumerable.Range(0, Readers).Select(reader => Task.Run(async () =>
        {
            byte[] buffer = new byte[size];
            for (int read = reads * reader / Readers; read < reads * (reader + 1) / Readers; read++)
            {
                long offset = (long)order[read] * size;
                long started = Stopwatch.GetTimestamp();
                if (!disk.TryRead(offset, buffer) && await disk.ReadAsync(offset, buffer) != DiskError.None) throw new InvalidOperationException("a read failed");
                own[read] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            }
        })));
        times.AddRange(own);
    }

    private static string Mount(string scratch, string name, string size, string place)
    {
        string path = Directory.CreateDirectory($"{scratch}/{name}").FullName, file = $"{place}/{name}.ext4";
        Run($"set -e; truncate -s {size} {file}; mkfs.ext4 -q -m 0 {file}; mount -o loop,errors=remount-ro {file} {path}");
        return path;
    }

    private static void Unmount(string scratch) => Run($"umount -l {scratch}/bad 2>/dev/null; umount -l {scratch}/backing 2>/dev/null; rm -f {scratch}/bad.ext4");

    private static void Run(string script)
    {
        using Process shell = Process.Start("/bin/sh", ["-c", script]);
        shell.WaitForExit();
        if (shell.ExitCode != 0) throw new InvalidOperationException(script);
    }
}
