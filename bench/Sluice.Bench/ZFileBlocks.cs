using System.Diagnostics;
using System.Globalization;
using Sluice.Formats.Compression;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Bench;

/// <summary>
/// Speed of ZFile on one core, in MB of content per second of CPU: writing, reading with checksums, and reads of 4 KiB at random, each beside
/// the bare library on the same blocks.
/// </summary>
internal static class ZFileBlocks
{
    private const int MaxContent = 32 << 20;
    private const int Reads = 20_000;

    /// <param name="file">What to compress: program code is typical of images.</param>
    public static void Run(string file)
    {
        byte[] content = File.ReadAllBytes(file);
        if (content.Length > MaxContent) content = content[..MaxContent];
        foreach (ZFileAlgorithm algorithm in Enum.GetValues<ZFileAlgorithm>())
        {
            foreach (int blockSize in (int[])[4 << 10, 16 << 10, 64 << 10]) Measure(content, new ZFileOptions { Algorithm = algorithm, BlockSize = blockSize });
        }
    }

    private static void Measure(byte[] content, ZFileOptions options)
    {
        using var output = new MemoryStream(content.Length);
        ZFileHeader header = Write(content, options, output);
        byte[] zfile = output.ToArray();
        using ZFileIndex index = ZFileIndex.ReadFile(zfile);
        byte[] back = new byte[content.Length];
        byte[] scratch = new byte[header.BlockSize];
        Compressor compressor = options.Algorithm == ZFileAlgorithm.Lz4 ? Compressor.Lz4Block : Compressor.Zstd;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{options.Algorithm}, blocks of {header.BlockSize >> 10} KiB, {(double)content.Length / zfile.Length:F2} : 1"));

        double write = Best(() => Write(content, options, output));
        double bareWrite = Best(() => Compress(content, compressor, header.BlockSize));
        double read = Best(() => index.Decode(zfile, 0, 0, back, scratch));
        double bareRead = Best(() => Decompress(zfile, index, compressor, back));
        double copy = Best(() => Copy(content, back, header.BlockSize));
        Print("compress", content.Length, write, bareWrite, copy);
        Print("decompress, checked", content.Length, read, bareRead, copy);
        double random = Best(() => ReadRandomly(zfile, index, scratch)) / Reads;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {"4 KiB at random",-20} {random * 1e6,7:F2} µs"));
    }

    private static ZFileHeader Write(byte[] content, ZFileOptions options, MemoryStream output)
    {
        output.SetLength(0);
        var writer = new ZFileWriter(output, options);
        writer.Write(content);
        return writer.Complete();
    }

    private static void Compress(byte[] content, Compressor compressor, int blockSize)
    {
        Span<byte> stored = new byte[ChunkCodec.MaxCompressedLength(compressor, blockSize)];
        for (int at = 0; at < content.Length; at += blockSize) ChunkCodec.CompressAlways(compressor, content.AsSpan(at, Math.Min(blockSize, content.Length - at)), stored);
    }

    private static void Decompress(byte[] zfile, ZFileIndex index, Compressor compressor, byte[] back)
    {
        for (int i = 0; i < index.BlockCount; i++)
        {
            ZFileBlock block = index.GetBlock(i);
            ReadOnlySpan<byte> stored = zfile.AsSpan((int)block.StoredOffset, block.StoredLength - index.Codec.Overhead);
            ChunkCodec.Decompress(compressor, stored, back.AsSpan((int)block.Offset, block.Length));
        }
    }

    private static void Copy(byte[] content, byte[] back, int blockSize)
    {
        for (int at = 0; at < content.Length; at += blockSize)
        {
            int length = Math.Min(blockSize, content.Length - at);
            content.AsSpan(at, length).CopyTo(back.AsSpan(at));
        }
    }

    private static void ReadRandomly(byte[] zfile, ZFileIndex index, byte[] scratch)
    {
        var random = new Random(1);
        Span<byte> page = stackalloc byte[4096];
        int pages = (int)(index.ContentLength / page.Length);
        for (int i = 0; i < Reads; i++) index.Decode(zfile, 0, random.Next(pages) * (long)page.Length, page, scratch);
    }

    /// <summary>Seconds of CPU of the best of five runs, after one to warm up.</summary>
    private static double Best(Action work)
    {
        double best = double.MaxValue;
        for (int round = 0; round < 6; round++)
        {
            TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
            work();
            double seconds = (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds;
            if (round > 0) best = Math.Min(best, seconds);
        }

        return Math.Max(best, 1e-9);
    }

    private static void Print(string name, long bytes, double seconds, double bare, double copy) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-20} {bytes / seconds / 1e6,7:F0} MB/s   library alone {bytes / bare / 1e6,7:F0}   memcpy {bytes / copy / 1e6,7:F0}"));
}
