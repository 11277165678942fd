using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Registry;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Bench;

/// <summary>
/// A block image of 50 layers (LZ4, 4 KiB) in a registry on the loopback: opening it cold, i.e. the ends of all layers and the merged
/// index, as the first thing in a process and later, and warm, from the file that the node keeps; then 4 KiB random reads of it from the cache, beside
/// plain reads of a file, in turns.
/// </summary>
internal static class BlockReads
{
    private const int LayerCount = 50;
    private const int BlockSize = 4096;
    private const int DeviceBlocks = 32 << 10;
    private const int BlocksPerUpper = 512;
    private const int Reads = 50_000;
    private const int Rounds = 7;

    public static async Task RunAsync()
    {
        string root = Directory.CreateTempSubdirectory("sluice-bench-").FullName;
        try
        {
            await using RegistryServer registry = await RegistryServer.StartAsync(
                new RegistryOptions { Directory = Path.Combine(root, "registry"), Listen = new IPEndPoint(IPAddress.Loopback, 0), Durable = false }, CancellationToken.None);
            var reference = ImageReference.Parse($"127.0.0.1:{registry.Port}/bench:v1");
            StoredManifest manifest = await PushAsync(reference);
            using CacheDirectory directory = new(Path.Combine(root, "cache"));
            using Fetcher fetcher = new();
            await MeasureFreshAsync(reference, Path.Combine(root, "fresh"));
            byte[] file = await MeasureOpenAsync(reference, manifest, directory, fetcher);
            await using IImageStore store = ImageStores.Open(reference, new SourceOptions());
            using BlockDisk disk = new ImageDisks(directory, fetcher).OpenBlocks(BlockStackFile.Read(file), store, "bench");
            byte[] buffer = new byte[1 << 20];
            for (long offset = 0; offset < disk.Length; offset += buffer.Length)
            {
                if (await disk.ReadAsync(offset, buffer) != DiskError.None) throw new InvalidOperationException("a read failed");
            }

            string plain = Path.Combine(root, "plain");
            await File.WriteAllBytesAsync(plain, new byte[disk.Length]);
            using SafeFileHandle handle = File.OpenHandle(plain);
            Compare(disk, handle);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    /// <summary>Opens an image as the first thing in a process, and prints milliseconds: to the manifest, from there to the open disk, of these compiling.</summary>
    public static async Task OpenAsync(string image, string root)
    {
        long start = Stopwatch.GetTimestamp();
        var reference = ImageReference.Parse(image);
        using CacheDirectory directory = new(root);
        using Fetcher fetcher = new();
        await using IImageStore store = ImageStores.Open(reference, new SourceOptions());
        StoredImage stored = await ImageResolver.ResolveAsync(store, reference.Tag!, Platform.Host, preferAccelerated: true, CancellationToken.None);
        long named = Stopwatch.GetTimestamp();
        (BlockStack stack, _) = await BlockStackLoader.LoadAsync(stored, directory, CancellationToken.None);
        using BlockDisk disk = new ImageDisks(directory, fetcher).OpenBlocks(stack, store, "bench");
        double opening = Stopwatch.GetElapsedTime(named).TotalMilliseconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(start, named).TotalMilliseconds} {opening} {JitInfo.GetCompilationTime().TotalMilliseconds}"));
    }

    private static async Task MeasureFreshAsync(ImageReference reference, string root)
    {
        List<double[]> rounds = [];
        for (int round = 0; round < Rounds; round++)
        {
            using Process child = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["open-blocks", reference.ToString(), Path.Combine(root, $"{round}")]) { RedirectStandardOutput = true })!;
            string output = await child.StandardOutput.ReadToEndAsync();
            await child.WaitForExitAsync();
            rounds.Add([.. output.Split(' ').Select(figure => double.Parse(figure, CultureInfo.InvariantCulture))]);
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"open {LayerCount} layers cold, the first thing in a process: {At(1):0.0} ms behind the manifest, which takes {At(0):0.0} ms; compiling is {At(2):0.0} ms of both"));

        double At(int figure) => Median([.. rounds.Select(round => round[figure])]);
    }

    private static async Task<byte[]> MeasureOpenAsync(ImageReference reference, StoredManifest manifest, CacheDirectory directory, Fetcher fetcher)
    {
        List<double> cold = [], warm = [];
        byte[] file = [];
        for (int round = 0; round < 2 * Rounds; round++)
        {
            await using IImageStore store = ImageStores.Open(reference, new SourceOptions());
            long start = Stopwatch.GetTimestamp();
            (BlockStack stack, _) = await BlockStackLoader.LoadAsync(new StoredImage(store, manifest, ImageManifest.Parse(manifest.Content.Span)), directory, CancellationToken.None);
            using (new ImageDisks(directory, fetcher).OpenBlocks(stack, store, "bench")) cold.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            file = BlockStackFile.Write(stack);
            start = Stopwatch.GetTimestamp();
            using (new ImageDisks(directory, fetcher).OpenBlocks(BlockStackFile.Read(file), store, "bench")) warm.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"open {LayerCount} layers cold, again and again: {Median(cold[1..]):0.0} ms; warm {Median(warm[1..]):0.0} ms; metadata {file.Length >> 10} KiB"));
        return file;
    }

    private static void Compare(BlockDisk disk, SafeFileHandle file)
    {
        Random random = new(1);
        long[] offsets = [.. Enumerable.Range(0, Reads).Select(_ => random.NextInt64(disk.Length / BlockSize) * BlockSize)];
        byte[] buffer = new byte[BlockSize];
        List<double[]> mine = [], plain = [];
        for (int round = 0; round < Rounds; round++)
        {
            plain.Add(Percentiles(offsets, offset => RandomAccess.Read(file, buffer, offset) == buffer.Length));
            mine.Add(Percentiles(offsets, offset => disk.TryRead(offset, buffer)));
        }

        Console.WriteLine($"{"4 KiB random, cached",-22}{"disk µs",10}{"file µs",10}{"ratio",8}");
        foreach ((string name, int at) in new[] { ("p50", 0), ("p99", 1) })
        {
            double one = Median([.. mine.Select(times => times[at])]), other = Median([.. plain.Select(times => times[at])]);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-22}{one,10:0.00}{other,10:0.00}{one / other,8:0.00}"));
        }
    }

    private static double[] Percentiles(long[] offsets, Func<long, bool> read)
    {
        double[] times = new double[offsets.Length];
        for (int i = 0; i < offsets.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            if (!read(offsets[i])) throw new InvalidOperationException("not local");
            times[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        Array.Sort(times);
        return [times[times.Length / 2], times[times.Length * 99 / 100]];
    }

    private static double Median(IReadOnlyList<double> values) => values.Order().ElementAt(values.Count / 2);

    private static async Task<StoredManifest> PushAsync(ImageReference reference)
    {
        await using IImageStore store = ImageStores.Open(reference, new SourceOptions());
        List<Descriptor> layers = [];
        for (int layer = 0; layer < LayerCount; layer++)
        {
            Descriptor blob = await PutAsync(store, NewLayer(layer), MediaTypes.OciLayer);
            layers.Add(blob with { Annotations = new Dictionary<string, string> { [OverlayBdAnnotations.BlobDigest] = blob.Digest.ToString() } });
        }

        byte[] content = new ImageManifest { Config = await PutAsync(store, "{}"u8.ToArray(), MediaTypes.OciConfig), Layers = layers }.ToBytes();
        StoredManifest manifest = new(MediaTypes.OciManifest, Digest.Sha256(content), content);
        await store.PutManifestAsync(manifest, reference.Tag, CancellationToken.None);
        return manifest;
    }

    private static async Task<Descriptor> PutAsync(IImageStore store, byte[] content, string mediaType)
    {
        await using IBlobUpload upload = await store.StartUploadAsync(CancellationToken.None);
        await upload.WriteAsync(content, CancellationToken.None);
        Descriptor blob = new() { MediaType = mediaType, Digest = Digest.Sha256(content), Size = content.Length };
        await upload.CommitAsync(blob.Digest, CancellationToken.None);
        return blob;
    }

    /// <summary>The lowest layer fills the device, the others have blocks all over it. Half of each block compresses.</summary>
    private static byte[] NewLayer(int number)
    {
        Random random = new(number);
        using MemoryStream blob = new();
        TarWrapperWriter tar = new(blob);
        ZFileWriter zfile = new(tar, new ZFileOptions());
        LsmtLayerWriter layer = new(zfile, new LsmtLayerOptions { VirtualSize = (long)DeviceBlocks * BlockSize });
        int[] blocks = number == 0
            ? [.. Enumerable.Range(0, DeviceBlocks)]
            : [.. Enumerable.Range(0, BlocksPerUpper).Select(_ => random.Next(DeviceBlocks)).Distinct().Order()];
        byte[] content = new byte[BlockSize];
        foreach (int block in blocks)
        {
            random.NextBytes(content.AsSpan(0, BlockSize / 2));
            layer.Write((long)block * (BlockSize / LsmtExtent.SectorSize), content);
        }

        layer.Complete();
        zfile.Complete();
        tar.Complete();
        return blob.ToArray();
    }
}
