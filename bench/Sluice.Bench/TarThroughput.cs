using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Bench;

/// <summary>How fast tar archives in memory are read, against a plain read of the same stream; and written.</summary>
internal static class TarThroughput
{
    private const int SegmentSize = 64 << 20;
    private const long TotalSize = 1L << 30;
    private const int Rounds = 5;

    public static void Run()
    {
        Measure("big files (16 MiB)", 16 << 20);
        Measure("files of 64 KiB", 64 << 10);
        Measure("small files (4 KiB)", 4 << 10);
        Measure("empty files", 0);
    }

    private static void Measure(string name, int fileSize)
    {
        byte[] segment = MakeSegment(fileSize, out int files);
        int repeats = (int)(TotalSize / segment.Length);
        byte[] buffer = new byte[1 << 20];
        double total = (double)segment.Length * repeats;
        double plain = 0, content = 0, headers = 0, write = 0;
        long allocated = 0;
        for (int round = 0; round < Rounds; round++)
        {
            plain = Math.Max(plain, total / Clock.Seconds(() => ReadPlainly(new RepeatingStream(segment, repeats), buffer)));
            long before = GC.GetAllocatedBytesForCurrentThread();
            content = Math.Max(content, total / Clock.Seconds(() => ReadEntries(new RepeatingStream(segment, repeats), buffer)));
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            headers = Math.Max(headers, total / Clock.Seconds(() => ReadEntries(new RepeatingStream(segment, repeats), default)));
            write = Math.Max(write, total / Clock.Seconds(() => Write(Stream.Null, buffer, fileSize, files * repeats)));
        }

        Console.WriteLine(
            $"tar, {name}: plain read {plain / 1e6:F0} MB/s, entries with content {content / 1e6:F0} MB/s ({content / plain:P0}), "
            + $"entries alone {headers / 1e6:F0} MB/s, {(double)allocated / ((long)files * repeats):F0} bytes allocated per entry, "
            + $"{content / total * files * repeats / 1e3:F0} k entries/s, written to nowhere {write / 1e6:F0} MB/s");
    }

    private static void ReadPlainly(Stream stream, byte[] buffer)
    {
        while (stream.Read(buffer) > 0)
        {
        }
    }

    private static void ReadEntries(Stream stream, Memory<byte> buffer)
    {
        using var reader = new TarReader(stream);
        while (reader.ReadEntry() is not null)
        {
            while (reader.ReadContent(buffer.Span) > 0)
            {
            }
        }
    }

    private static byte[] MakeSegment(int fileSize, out int files)
    {
        byte[] content = new byte[Math.Max(fileSize, 1)];
        new Random(1).NextBytes(content);
        files = Math.Min(SegmentSize / (fileSize + 512), 50_000);
        using var stream = new MemoryStream();
        Write(stream, content, fileSize, files);
        return stream.ToArray()[..^1024];
    }

    private static void Write(Stream stream, byte[] content, int fileSize, int files)
    {
        using var writer = new TarWriter(stream, leaveOpen: true);
        for (int i = 0; i < files; i++)
        {
            writer.WriteEntry(new TarEntry { Path = new FileName($"usr/share/some/directory/file-{i}"), Type = TarEntryType.Regular, Mode = 0x1A4, Size = fileSize });
            for (int left = fileSize; left > 0; left -= content.Length) writer.WriteContent(content.AsSpan(0, Math.Min(left, content.Length)));
        }

        writer.Finish();
    }

    /// <summary>The same bytes over and over: an archive larger than what has to be in memory. Can't seek.</summary>
    private sealed class RepeatingStream(byte[] segment, int repeats) : Stream
    {
        private int _position;
        private int _repeatsLeft = repeats;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            if (_repeatsLeft == 0) return 0;
            int count = Math.Min(buffer.Length, segment.Length - _position);
            segment.AsSpan(_position, count).CopyTo(buffer);
            _position += count;
            if (_position == segment.Length) (_position, _repeatsLeft) = (0, _repeatsLeft - 1);
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
