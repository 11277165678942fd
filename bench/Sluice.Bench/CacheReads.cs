using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;

namespace Sluice.Bench;

/// <summary>
/// Reads of a complete cache through a disk beside plain reads of the same file, in turns within one run; then the miss path,
/// from a source in memory to the cache.
/// </summary>
internal static class CacheReads
{
    private const int ChunkCount = 4096;
    private const int ChunkSize = 64 << 10;
    private const int Rounds = 7;

    public static async Task RunAsync()
    {
        string root = Directory.CreateTempSubdirectory("sluice-bench-").FullName;
        try
        {
            MemorySource source = new(ChunkCount, ChunkSize);
            await CompareMissesAsync(root, new CompressedSource(ChunkCount / 4, ChunkSize));
            using CacheDirectory directory = new(Path.Combine(root, "hits"));
            using Fetcher fetcher = new();
            using FilesystemDisk disk = new("bench", new BlobReader(new RafsBlobFormat(source.NewDecoder()), directory, fetcher, [source]));
            await MeasureMissesAsync(disk);
            SafeFileHandle file = disk.CompleteFile ?? throw new InvalidOperationException("the cache is not complete");
            Console.WriteLine($"{"read",-24}{"disk ns",12}{"file ns",12}{"ratio",8}");
            Compare("4 KiB, random", disk, file, 4 << 10, 100_000, random: true);
            Compare("128 KiB, random", disk, file, 128 << 10, 8_000, random: true);
            Compare("1 MiB, sequential", disk, file, 1 << 20, 1_000, random: false);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static async Task MeasureMissesAsync(FilesystemDisk disk)
    {
        byte[] buffer = new byte[1 << 20];
        Stopwatch watch = Stopwatch.StartNew();
        for (long offset = 0; offset < disk.Length; offset += buffer.Length)
        {
            if (!disk.TryRead(offset, buffer) && await disk.ReadAsync(offset, buffer) != DiskError.None) throw new InvalidOperationException("a read failed");
        }

        Console.WriteLine($"first read, sequential, 1 MiB: {disk.Length / 1048576.0 / watch.Elapsed.TotalSeconds:0} MiB/s (fetch from memory, BLAKE3, store)");
    }

    /// <summary>Reads of 1 MiB, none behind another, each of which somebody waits for: decoded on all cores, and by one thread.</summary>
    private static async Task CompareMissesAsync(string root, CompressedSource source)
    {
        List<double> parallel = [];
        List<double> serial = [];
        for (int round = 0; round < Rounds; round++)
        {
            parallel.Add(await TimeMissesAsync(Path.Combine(root, $"parallel-{round}"), source, new FetchOptions()));
            serial.Add(await TimeMissesAsync(Path.Combine(root, $"serial-{round}"), source, new FetchOptions { ParallelDecode = int.MaxValue }));
        }

        double mine = parallel.Order().ElementAt(Rounds / 2);
        double other = serial.Order().ElementAt(Rounds / 2);
        Console.WriteLine($"first read, random, 1 MiB of zstd: {mine:0} us, by one thread {other:0} us, ratio {mine / other:0.00}");
    }

    private static async Task<double> TimeMissesAsync(string root, CompressedSource source, FetchOptions options)
    {
        const int Reads = 48;
        const int Size = 1 << 20;
        using CacheDirectory directory = new(root);
        using Fetcher fetcher = new(options);
        using FilesystemDisk disk = new("bench", new BlobReader(new RafsBlobFormat(source.NewDecoder()), directory, fetcher, [source]));
        byte[] buffer = new byte[Size];
        long[] offsets = [.. Enumerable.Range(0, (int)(disk.Length / Size)).Select(place => (long)place * Size)];
        new Random(1).Shuffle(offsets);
        long start = Stopwatch.GetTimestamp();
        foreach (long offset in offsets.Take(Reads))
        {
            if (await disk.ReadAsync(offset, buffer) != DiskError.None) throw new InvalidOperationException("a read failed");
        }

        double took = Stopwatch.GetElapsedTime(start).TotalMicroseconds / Reads;
        directory.Dispose();
        Directory.Delete(root, recursive: true);
        return took;
    }

    private static void Compare(string name, FilesystemDisk disk, SafeFileHandle file, int size, int count, bool random)
    {
        byte[] buffer = new byte[size];
        long[] offsets = new long[count];
        Random generator = new(1);
        long places = (disk.Length / size) - 1;
        for (int index = 0; index < count; index++) offsets[index] = (random ? generator.NextInt64(places) : index % places) * size;

        List<double> diskTimes = [];
        List<double> fileTimes = [];
        for (int round = 0; round < Rounds; round++)
        {
            fileTimes.Add(Time(offsets, offset => RandomAccess.Read(file, buffer, offset) == buffer.Length));
            diskTimes.Add(Time(offsets, offset => disk.TryRead(offset, buffer)));
        }

        double mine = diskTimes.Order().ElementAt(Rounds / 2);
        double plain = fileTimes.Order().ElementAt(Rounds / 2);
        Console.WriteLine($"{name,-24}{mine,12:0}{plain,12:0}{mine / plain,8:0.00}");
    }

    private static double Time(long[] offsets, Func<long, bool> read)
    {
        long start = Stopwatch.GetTimestamp();
        foreach (long offset in offsets)
            if (!read(offset)) throw new InvalidOperationException("not local");
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / offsets.Length;
    }
}
