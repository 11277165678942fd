using System.IO.Compression;
using System.Security.Cryptography;
using Sluice.Formats.Rafs;

namespace Sluice.Bench;

/// <summary>Reading the metadata of a RAFS image, which every first mount of one waits for, beside inflating and hashing the same bytes, which comes before that.</summary>
internal static class Bootstraps
{
    private const int Rounds = 15;

    public static void Run(string path)
    {
        byte[] bootstrap = File.ReadAllBytes(path);
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(bootstrap);
        double first = Clock.Seconds(() => RafsReader.Read(bootstrap));
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        int collections = GC.CollectionCount(0);
        double[] read = [.. Enumerable.Range(0, Rounds).Select(_ => Clock.Seconds(() => RafsReader.Read(bootstrap))).Order()];
        allocated = (GC.GetAllocatedBytesForCurrentThread() - allocated) / Rounds;
        collections = GC.CollectionCount(0) - collections;
        double[] inflated = [.. Enumerable.Range(0, Rounds).Select(_ => Clock.Seconds(() => Inflate(compressed))).Order()];
        Console.WriteLine($"{path}: {bootstrap.Length / 1e6:F1} MB, read {read[Rounds / 2] * 1e3:F1} ms (the first time {first * 1e3:F1}), allocates {allocated / 1e6:F1} MB, {(double)collections / Rounds:F1} collections; inflated and hashed in {inflated[Rounds / 2] * 1e3:F1} ms; ratio {read[Rounds / 2] / inflated[Rounds / 2]:F2}");
    }

    private static void Inflate(MemoryStream compressed)
    {
        compressed.Position = 0;
        using var gzip = new GZipStream(compressed, CompressionMode.Decompress, leaveOpen: true);
        _ = SHA256.HashData(gzip);
    }
}
