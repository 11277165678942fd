using Sluice.Build.OverlayBd;
using Sluice.Formats.Ext4;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Bench;

/// <summary>How fast layers go into an ext4 image in a sparse file, against the same tar read and written to a file as it is.</summary>
internal static class Ext4Apply
{
    private const int Rounds = 5;
    private const int Block = 4096;

    public static void Run()
    {
        Measure("mixed files, 10 KiB on average", Mixed(200 << 20, average: 10_000, files: 22_500));
        Measure("one file of 900 MiB", Mixed(900L << 20, average: 900 << 20, files: 1));
        Measure("30,000 empty files in one directory", Mixed(0, average: 0, files: 30_000));
        MeasureSmall();
    }

    private static void Measure(string name, byte[] tar)
    {
        double apply = double.MaxValue, copy = double.MaxValue;
        string path = Path.GetTempFileName();
        try
        {
            for (int round = 0; round < Rounds; round++)
            {
                File.Delete(path);
                copy = Math.Min(copy, Clock.Seconds(() => Copy(tar, path)));
                File.Delete(path);
                using var store = new SparseFile(path);
                Ext4Formatter.Format(store, new Ext4FormatOptions());
                apply = Math.Min(apply, Clock.Seconds(() => Apply(tar, store)));
            }
        }
        finally
        {
            File.Delete(path);
        }

        Console.WriteLine($"ext4, {name}: {apply * 1e3:F0} ms, {tar.Length / apply / 1e6:F0} MB of tar/s; the tar read and its content written to a file {copy * 1e3:F0} ms, {tar.Length / copy / 1e6:F0} MB/s; ratio {copy / apply:F2}");
    }

    private static void MeasureSmall()
    {
        string path = Path.GetTempFileName();
        try
        {
            using var store = new SparseFile(path);
            Ext4Formatter.Format(store, new Ext4FormatOptions());
            Apply(Mixed(20 << 20, average: 10_000, files: 2000), store);
            (long read, long written) = (store.Reads, store.MetadataBlocks);
            Apply(Mixed(10_240, average: 10_240, files: 1, prefix: "new/"), store);
            Console.WriteLine($"ext4, a layer of one directory and one file of 10 KiB: {store.Reads - read} blocks read, {store.MetadataBlocks - written} blocks of metadata written");
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void Apply(byte[] layer, SparseFile store)
    {
        var applier = new Ext4LayerApplier(Ext4FileSystem.Open(store));
        using var tar = new TarReader(new MemoryStream(layer));
        while (tar.ReadEntry() is { } entry) applier.Add(tar, entry);
        applier.Finish();
    }

    private static void Copy(byte[] layer, string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        using var tar = new TarReader(new MemoryStream(layer));
        byte[] buffer = new byte[1 << 20];
        while (tar.ReadEntry() is not null)
        {
            for (int read; (read = tar.ReadContent(buffer)) > 0;) file.Write(buffer, 0, read);
        }
    }

    private static byte[] Mixed(long bytes, int average, int files, string prefix = "")
    {
        var random = new Random(1);
        byte[] content = new byte[Math.Max(1, files == 1 ? average : 2 * average)];
        random.NextBytes(content);
        using var stream = new MemoryStream(checked((int)Math.Min(bytes + (files * 2048L) + 4096, Array.MaxLength)));
        using var writer = new TarWriter(stream, leaveOpen: true);
        for (int i = 0; i < files; i++)
        {
            // Sizes fall off from many small ones to few of twice the average.
            int size = files == 1 ? average : (int)(2.0 * average * random.NextDouble() * random.NextDouble() * 2);
            size = Math.Min(size, content.Length);
            string directory = average == 0 ? "one" : $"usr/share/{i / 20}";
            writer.WriteEntry(new TarEntry { Path = new FileName($"{prefix}{directory}/file-{i}"), Type = TarEntryType.Regular, Mode = 0x1A4, Size = size }, content.AsSpan(0, size));
        }

        writer.Finish();
        return stream.ToArray();
    }

    private sealed class SparseFile : IBlockStore, IDisposable
    {
        private readonly Microsoft.Win32.SafeHandles.SafeFileHandle _file;

        public SparseFile(string path)
        {
            _file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite);
            RandomAccess.SetLength(_file, Ext4FormatOptions.DefaultSize);
        }

        public long Reads { get; private set; }

        public long MetadataBlocks { get; private set; }

        public long BlockCount => Ext4FormatOptions.DefaultSize / Block;

        public void Read(long block, Span<byte> buffer)
        {
            Reads += buffer.Length / Block;
            RandomAccess.Read(_file, buffer, block * Block);
        }

        public void WriteData(long block, ReadOnlySpan<byte> bytes) => RandomAccess.Write(_file, bytes, block * Block);

        public void WriteMetadata(long block, ReadOnlySpan<byte> bytes)
        {
            MetadataBlocks += bytes.Length / Block;
            RandomAccess.Write(_file, bytes, block * Block);
        }

        public void Discard(long block, long count)
        {
        }

        public void Dispose() => _file.Dispose();
    }
}
