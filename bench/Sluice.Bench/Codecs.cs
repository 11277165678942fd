using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using Sluice.Formats.Compression;

namespace Sluice.Bench;

/// <summary>Speed of codecs on one core, in MB of uncompressed data per second of CPU, on 1 MiB chunks of a file.</summary>
internal static class Codecs
{
    private const int ChunkSize = 1 << 20;

    /// <param name="file">What to compress: program code is typical of images.</param>
    public static void Run(string file)
    {
        byte[] data = File.ReadAllBytes(file);
        byte[] chunk = data[..Math.Min(ChunkSize, data.Length)];
        byte[] back = new byte[chunk.Length];
        foreach (Compressor compressor in (Compressor[])[Compressor.Lz4Block, Compressor.Zstd, Compressor.Gzip])
        {
            byte[] compressed = new byte[ChunkCodec.MaxCompressedLength(compressor, chunk.Length)];
            int size = ChunkCodec.Compress(compressor, chunk, compressed);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{compressor}: {(double)chunk.Length / size:F2} : 1"));
            Print("compress", chunk.Length, () => ChunkCodec.Compress(compressor, chunk, compressed));
            Print("decompress", chunk.Length, () => ChunkCodec.Decompress(compressor, compressed.AsSpan(0, size), back));
        }

        using MemoryStream gzip = new();
        using (GZipStream writer = new(gzip, CompressionLevel.Optimal, leaveOpen: true)) writer.Write(data);
        Print("gzip stream", data.Length, () => new GzipDecompressionStream(new MemoryStream(gzip.ToArray())).CopyTo(Stream.Null));
        Print("GZipStream of .NET", data.Length, () => new GZipStream(new MemoryStream(gzip.ToArray()), CompressionMode.Decompress).CopyTo(Stream.Null));
    }

    private static void Print(string name, long bytes, Action work)
    {
        work();
        double best = 0;
        for (int round = 0; round < 3; round++)
        {
            long count = Math.Max(1, (64L << 20) / bytes);
            TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
            for (long i = 0; i < count; i++) work();
            best = Math.Max(best, count * bytes / 1e6 / (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-20} {best,7:F0} MB/s"));
    }
}
