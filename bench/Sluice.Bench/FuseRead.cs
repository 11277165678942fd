using System.Diagnostics;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Storage.Disks;

namespace Sluice.Bench;

/// <summary>
/// Reads through the disk server beside reads of the same plain file, by fio, in one run: 4 KiB random and 1 MiB
/// sequential, direct I/O at the plain file off (both come from the page cache, so the ratio is the cost of the path).
/// Also the time from a mount request to a mounted image. Needs root, fio and mkfs.erofs; about 15 s.
/// </summary>
internal static class FuseRead
{
    private const int FileSize = 256 << 20;

    public static async Task RunAsync()
    {
        string directory = Directory.CreateTempSubdirectory("sluice-bench-").FullName;
        try
        {
            string file = Path.Combine(directory, "plain");
            WriteRandom(file);
            await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), Console.Error.WriteLine);
            await using DiskServer server = await DiskServer.StartAsync(new DiskServerOptions { MountPoint = Path.Combine(directory, "disks") }, Console.Error.WriteLine);
            using SafeFileHandle handle = File.OpenHandle(file);
            string served = server.Add(new CachedDisk("served", handle, local: true, complete: false));
            await MeasureMountsAsync(mounts, server, directory);
            string missed = server.Add(new CachedDisk("missed", handle, local: false, complete: false));
            string passed = server.Add(new CachedDisk("passed", handle, local: true, complete: true));
            Console.WriteLine("path          pattern   jobs      MiB/s      IOPS   p50 us    ratio");
            foreach ((string pattern, string size, int jobs) in (IEnumerable<(string, string, int)>)[("randread", "4k", 1), ("randread", "4k", 4), ("read", "1m", 1)])
            {
                double plain = 0;
                foreach ((string name, string path) in (IEnumerable<(string, string)>)[("plain", file), ("hit", served), ("miss", missed), ("passthrough", passed)])
                {
                    (double megabytes, double operations, double median) = await FioAsync(path, pattern, size, jobs);
                    if (name == "plain") plain = megabytes;
                    Console.WriteLine($"{name,-12} {pattern,8} {jobs,6} {megabytes,10:0} {operations,9:0} {median,8:0.0} {megabytes / plain,8:0.00}");
                }
            }

            Console.WriteLine(server.Counters);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task MeasureMountsAsync(MountProcess mounts, DiskServer server, string directory)
    {
        string target = Directory.CreateDirectory(Path.Combine(directory, "target")).FullName;
        long start = Stopwatch.GetTimestamp();
        await mounts.DetachAsync(target); // nothing is mounted: the round trip to a child that has to start first
        Console.WriteLine($"mount process ready after {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0.0} ms");

        string boot = Path.Combine(directory, "boot");
        string blob = Path.Combine(directory, "blob");
        string tree = Directory.CreateDirectory(Path.Combine(directory, "tree")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(tree, "file"), new byte[1 << 20]);
        using (Process mkfs = Process.Start("mkfs.erofs", ["--quiet", $"--blobdev={blob}", "--chunksize=4096", boot, tree])) await mkfs.WaitForExitAsync();
        using SafeFileHandle handle = File.OpenHandle(blob);
        string device = server.Add(new CachedDisk("device", handle, local: true, complete: false));
        double[] times = new double[50];
        for (int i = 0; i < times.Length; i++)
        {
            start = Stopwatch.GetTimestamp();
            await mounts.MountErofsAsync(new ErofsMount { Bootstrap = boot, Devices = [device], Target = target });
            times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            await mounts.DetachAsync(target);
        }

        Console.WriteLine($"EROFS mount through it: first {times[0]:0.00} ms, median {times.Order().ElementAt(25):0.00} ms, worst {times.Max():0.00} ms");
        Array.Clear(times);
        for (int i = 0; i < times.Length; i++)
        {
            start = Stopwatch.GetTimestamp();
            await Task.Run(() => MountCalls.Erofs(new ErofsMount { Bootstrap = boot, Devices = [device], Target = target }));
            times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            await Task.Run(() => MountCalls.Detach(target));
        }

        Console.WriteLine($"EROFS mount in process: first {times[0]:0.00} ms, median {times.Order().ElementAt(25):0.00} ms, worst {times.Max():0.00} ms");
    }

    private static void WriteRandom(string path)
    {
        byte[] block = new byte[1 << 20];
        var random = new Random(1);
        using FileStream file = File.Create(path);
        for (int i = 0; i < FileSize / block.Length; i++)
        {
            random.NextBytes(block);
            file.Write(block);
        }
    }

    private static async Task<(double MegabytesPerSecond, double Operations, double MedianMicroseconds)> FioAsync(string path, string pattern, string blockSize, int jobs)
    {
        var start = new ProcessStartInfo("fio")
        {
            RedirectStandardOutput = true,
            ArgumentList =
            {
                "--name=r", $"--filename={path}", $"--rw={pattern}", $"--bs={blockSize}", $"--numjobs={jobs}", "--group_reporting", "--readonly", "--ioengine=psync",
                "--invalidate=0", "--time_based", "--runtime=600ms", "--norandommap", "--output-format=json", "--randseed=7",
            },
        };
        using Process fio = Process.Start(start)!;
        using JsonDocument result = await JsonDocument.ParseAsync(fio.StandardOutput.BaseStream);
        await fio.WaitForExitAsync();
        JsonElement read = result.RootElement.GetProperty("jobs")[0].GetProperty("read");
        double median = read.GetProperty("clat_ns").GetProperty("percentile").GetProperty("50.000000").GetDouble() / 1000;
        return (read.GetProperty("bw_bytes").GetDouble() / (1 << 20), read.GetProperty("iops").GetDouble(), median);
    }

    private sealed class CachedDisk(string name, SafeFileHandle file, bool local, bool complete) : IDisk
    {
        public string Name => name;

        public long Length => FileSize;

        public SafeFileHandle? CompleteFile => complete ? file : null;

        public bool TryRead(long offset, Span<byte> destination) => local && RandomAccess.Read(file, destination, offset) == destination.Length;

        public async ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination)
        {
            await Task.Yield();
            return RandomAccess.Read(file, destination.Span, offset) == destination.Length ? DiskError.None : DiskError.InputOutput;
        }

        public void Dispose()
        {
        }
    }
}
