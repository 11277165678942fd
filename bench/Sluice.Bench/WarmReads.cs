using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;
using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;
using Sluice.Node.Images;
using Sluice.Storage.Disks;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Bench;

/// <summary>
/// Reads of an image whose blobs are all in the cache, with a cold page cache, through three mounts of it, in turns:
/// <c>cached</c> was mounted before the cache was filled, so every read goes through the disk server; <c>complete</c> was
/// mounted after, so the kernel reads the cache by itself (which is checked); <c>plain</c> is EROFS on copies of the cache's files,
/// without Sluice. Needs root, fio and a layout with a RAFS image; about two minutes.
/// </summary>
internal static class WarmReads
{
    private const int Rounds = 15;
    private const int Jobs = 4;

    /// <summary>No round begins later than this.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(100);

    private static readonly (string Name, int Turns, Func<string, ImageFiles, Task<double>> MeasureAsync)[] Tests =
    [
        ("4 KiB random, 1 job, IOPS", 1, (mount, files) => FioAsync(mount, RandomReads(files, jobs: 1), "iops")),
        ("4 KiB random, 4 jobs, IOPS", 1, (mount, files) => FioAsync(mount, RandomReads(files, Jobs), "iops")),
        ("1 MiB sequential, MiB/s", 1, async (mount, files) => await FioAsync(mount, SequentialReads(files), "bw_bytes") / (1 << 20)),
        ("find, whole trees/s", 3, async (mount, _) => 1 / await FindAsync(mount)),
    ];

    /// <param name="layout">An OCI layout and its tag, <c>DIR:TAG</c>.</param>
    /// <param name="scratch">Directory on a plain (unstacked) file system; what is made in it stays for the caller to remove.</param>
    public static async Task RunAsync(string layout, string scratch)
    {
        var options = new NodeOptions { Root = Path.Combine(scratch, "root"), State = Path.Combine(scratch, "state"), Keeper = KeeperKind.None };
        ImageReference reference = ImageReference.Parse("oci:" + layout);
        await using IImageStore store = ImageStores.Open(reference, options.Sources);
        StoredImage source = await ImageResolver.ResolveAsync(store, reference.TagOrDigest, Platform.Host, preferAccelerated: true, CancellationToken.None);
        var images = new LocalImages(options.ImagesDirectory);
        await using ImageMounter mounter = await ImageMounter.StartAsync(options, images, Console.Error.WriteLine, CancellationToken.None);
        RemoteRafsImage remote = await RafsImageLoader.LoadAsync(source, CancellationToken.None);
        RafsImage rafs = remote.Image;
        LocalImage image = images.Save(reference.ToString(), DownloadedImage.Of(remote));
        Task<MountedImage> MountAsync(string name) => mounter.MountAsync(name, image, store, Path.Combine(scratch, name), CancellationToken.None);

        await using MountedImage cached = await MountAsync("cached");
        await RunAsync("sh", "-c", $"find '{cached.Target}' -type f -exec cat {{}} + >/dev/null");
        foreach (IDisk disk in cached.Disks)
            if (disk.CompleteFile is null) throw new InvalidOperationException($"{disk.Name} is not complete after every file was read");
        await using MountedImage complete = await MountAsync("complete");
        string plain = await MountCopiesAsync(scratch, options, image.MetadataPath, cached, rafs);
        try
        {
            ImageFiles files = ImageFiles.Choose(rafs);
            Console.WriteLine($"{files.Count} files, the {files.Largest.Count} that are read have {files.Largest.Sum(f => f.Size) >> 20} MiB; {rafs.Blobs.Count} blobs; read-ahead {options.ReadAheadKilobytes} KiB everywhere");
            await CompareAsync(mounter, [cached.Target, complete.Target, plain], files);
        }
        finally
        {
            MountCalls.Detach(plain);
        }
    }

    /// <summary>Mounts copies of the cache's files without Sluice.</summary>
    private static async Task<string> MountCopiesAsync(string scratch, NodeOptions options, string bootstrap, MountedImage image, RafsImage rafs)
    {
        string target = Directory.CreateDirectory(Path.Combine(scratch, "plain")).FullName;
        List<string> devices = [];
        for (int index = 0; index < image.Disks.Count; index++)
        {
            string copy = Path.Combine(scratch, "copy" + index.ToString(CultureInfo.InvariantCulture));
            await RunAsync("cp", "--sparse=always", Path.Combine(options.CacheDirectory, "sha256", rafs.Blobs[index].Id, "data"), copy);
            using FileStream file = File.OpenWrite(copy);
            file.SetLength(image.Disks[index].Length);
            devices.Add(copy);
        }

        await RunAsync("sync");
        string? warning = MountCalls.Erofs(new ErofsMount { Bootstrap = bootstrap, Devices = devices, Target = target, ReadAheadKilobytes = options.ReadAheadKilobytes });
        return warning is null ? target : throw new InvalidOperationException(warning);
    }

    private static async Task CompareAsync(ImageMounter mounter, string[] mounts, ImageFiles files)
    {
        var results = new List<double>[Tests.Length, mounts.Length];
        long[] served = new long[mounts.Length];
        long start = Stopwatch.GetTimestamp();
        int round = 0;
        for (; round < Rounds && Stopwatch.GetElapsedTime(start) < Deadline; round++)
        {
            for (int test = 0; test < Tests.Length; test++)
            {
                for (int turn = 0; turn < mounts.Length * Tests[test].Turns; turn++)
                {
                    int mount = (turn + round) % mounts.Length;
                    await RunAsync("sh", "-c", "echo 3 >/proc/sys/vm/drop_caches; find --version >/dev/null; fio --version >/dev/null");
                    long before = Reads(mounter);
                    (results[test, mount] ??= []).Add(await Tests[test].MeasureAsync(mounts[mount], files));
                    served[mount] += Reads(mounter) - before;
                }
            }
        }

        Console.WriteLine($"{round} rounds; reads that reached the daemon: cached {served[0]}, complete {served[1]}, plain {served[2]}");
        if (served[0] == 0 || served[1] != 0) throw new InvalidOperationException("the mounts are not what they are called");
        Console.WriteLine("| read, page cache cold | cached | complete | plain EROFS | cached/plain | complete/plain |\n|---|---|---|---|---|---|");
        for (int test = 0; test < Tests.Length; test++)
        {
            List<double> plain = results[test, 2];
            string[] figures = [.. Enumerable.Range(0, mounts.Length).Select(mount => Format(Median(results[test, mount]), Median(plain) < 100 ? "0.0" : "0"))];
            Console.WriteLine($"| {Tests[test].Name} | {string.Join(" | ", figures)} | {Ratio(results[test, 0], plain)} | {Ratio(results[test, 1], plain)} |");
        }
    }

    /// <summary>The median of the rounds' ratios, which a slow minute of the machine hardly moves, and their quartiles.</summary>
    private static string Ratio(List<double> values, List<double> plain)
    {
        double[] ratios = [.. values.Zip(plain, (value, reference) => value / reference).Order()];
        return $"{Format(ratios[ratios.Length / 2], "0.00")} ({Format(ratios[ratios.Length / 4], "0.00")}–{Format(ratios[ratios.Length * 3 / 4], "0.00")})";
    }

    private static string Format(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static long Reads(ImageMounter mounter) => mounter.Counters.Hits + mounter.Counters.Misses;

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    /// <summary>Each job has one file to itself, and fio's random map lets it read no block twice.</summary>
    private static IEnumerable<string> RandomReads(ImageFiles files, int jobs)
    {
        yield return "--rw=randread";
        yield return "--bs=4k";
        yield return jobs == 1 ? "--io_size=12m" : "--io_size=4m";
        for (int job = 0; job < jobs; job++)
        {
            yield return $"--name=job{job}";
            yield return $"--filename={files.Largest[job].Path}";
        }
    }

    private static string[] SequentialReads(ImageFiles files) =>
        ["--rw=read", "--bs=1m", "--file_service_type=sequential", "--name=all", $"--filename={string.Join(':', files.Largest.Select(f => f.Path))}"];

    private static async Task<double> FioAsync(string mount, IEnumerable<string> job, string figure)
    {
        string output = await RunAsync("fio", ["--output-format=json", "--group_reporting", "--readonly", "--ioengine=psync", "--runtime=1", "--randseed=7", $"--directory={mount}", .. job]);
        using JsonDocument result = JsonDocument.Parse(output);
        return result.RootElement.GetProperty("jobs")[0].GetProperty("read").GetProperty(figure).GetDouble();
    }

    private static async Task<double> FindAsync(string mount)
    {
        long start = Stopwatch.GetTimestamp();
        await RunAsync("sh", "-c", $"exec find '{mount}' -type f -printf '%s %p\\n' >/dev/null");
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Everything that touches a mount runs in a child, so that this process, which serves it, never waits for itself.</summary>
    private static async Task<string> RunAsync(string command, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true })!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{command} {string.Join(' ', arguments)}: exit code {process.ExitCode}: {output}");
    }

    /// <summary>
    /// The files to read: the largest in which no chunk comes twice. A database's log file of zeros is one chunk many times over,
    /// and would be read from the page cache after the first.
    /// </summary>
    private sealed record ImageFiles(int Count, IReadOnlyList<(string Path, long Size)> Largest)
    {
        private const int Wanted = 8;

        public static ImageFiles Choose(RafsImage image)
        {
            TreeEntry[] files = [.. TreeWalk.DepthFirst(image.Root).Where(entry => entry.Inode.Type == FileType.Regular)];
            var seen = new HashSet<ChunkReference>();
            List<(string Path, long Size)> largest = [];
            foreach (TreeEntry file in files.OrderByDescending(file => file.Inode.Size))
            {
                if (file.Path.Bytes.Contains((byte)':')) continue; // fio's separator
                if (file.Inode.Chunks.Distinct().Count() < file.Inode.Chunks.Count || file.Inode.Chunks.Any(seen.Contains)) continue;
                seen.UnionWith(file.Inode.Chunks);
                largest.Add((file.Path.ToString().TrimStart('/'), file.Inode.Size));
                if (largest.Count == Wanted) break;
            }

            return new ImageFiles(files.Length, largest);
        }
    }
}
