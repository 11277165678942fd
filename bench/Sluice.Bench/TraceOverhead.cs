using System.Diagnostics;
using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Sluice.Kernel.Fuse;
using Sluice.Storage.Activity;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Storage.Traces;

namespace Sluice.Bench;

/// <summary>
/// Reads of a disk that are noted in a trace beside the same reads that are not, a few of each in turns: the first read of each chunk, from the cache and from a source in memory, and all later ones. The reads are of 64 KiB, a chunk, in no order, and
/// come from the kernel, as those of containers, or from this process. The goal is 2 % of a container's reads. Figures are lower quartiles, so that what else the machine does counts little. Needs root.
/// </summary>
internal static class TraceOverhead
{
    private const int ChunkCount = 4096;
    private const int ChunkSize = 64 << 10;

    /// <summary>Reads of a turn.</summary>
    private const int Batch = 64;

    public static async Task RunAsync()
    {
        string root = Directory.CreateTempSubdirectory("sluice-bench-").FullName;
        try
        {
            CompressedSource source = new(ChunkCount, ChunkSize);
            await using DiskServer server = await DiskServer.StartAsync(new DiskServerOptions { MountPoint = Path.Combine(root, "disks") }, Console.Error.WriteLine);
            using Passes misses = new(source, Path.Combine(root, "misses")), hits = new(source, Path.Combine(root, "hits"));
            Console.WriteLine($"{"reads of 64 KiB",-28}{"noted us",10}{"not us",10}{"ratio",8}   load {File.ReadAllText("/proc/loadavg").Split()[0]}");
            await hits.RunAsync(new TraceRecorder(), pass: 0); // brings everything
            await CompareHitsAsync(hits, "here");
            hits.Mount(server);
            await CompareHitsAsync(hits, "here, by the kernel");
            for (int pass = 0; pass < 12; pass++) await misses.RunAsync(new TraceRecorder(origins: misses.Clear()), pass);
            misses.Print("missing, zstd from memory");
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static async Task CompareHitsAsync(Passes hits, string name)
    {
        hits.Forget();
        for (int pass = 0; pass < 100; pass++) await hits.RunAsync(new TraceRecorder(origins: new ChunkOrigins()), pass);
        hits.Print(name + ", first");
        TraceRecorder known = new(origins: new ChunkOrigins());
        await hits.RunAsync(known, pass: 0);
        await hits.RunAsync(known, pass: 1);
        hits.Forget();
        for (int pass = 0; pass < 100; pass++) await hits.RunAsync(known, pass);
        hits.Print(name + ", again");
    }

    /// <summary>Of all chunks of a disk.</summary>
    private sealed class Passes : IDisposable
    {
        private readonly CompressedSource _source;
        private readonly string _root;
        private readonly long[] _offsets = [.. Enumerable.Range(0, ChunkCount).Select(chunk => (long)chunk * ChunkSize)];
        private readonly byte[] _buffer = new byte[ChunkSize];
        private readonly List<double> _noted = [], _plain = [];
        private readonly ImageActivity _activity = new("bench");
        private CacheDirectory _directory;
        private Fetcher _fetcher;
        private FilesystemDisk _disk;
        private SafeFileHandle? _mounted;

        public Passes(CompressedSource source, string root)
        {
            (_source, _root) = (source, root);
            new Random(1).Shuffle(_offsets);
            (_directory, _fetcher, _disk) = Open();
        }

        /// <param name="pass">Even: the first reads are noted; odd: they are not.</param>
        public async Task RunAsync(TraceRecorder recorder, int pass)
        {
            ChunkOrigins? origins = _activity.Origins;
            for (int turn = 0; turn < ChunkCount / Batch; turn++)
            {
                bool isNoted = (turn + pass) % 2 == 0;
                (_activity.Recorder, _activity.Origins) = isNoted ? (recorder, origins) : (null, null);
                long start = Stopwatch.GetTimestamp();
                for (int read = turn * Batch; read < (turn + 1) * Batch; read++)
                {
                    if (!await ReadAsync(_offsets[read])) throw new InvalidOperationException("a read failed");
                }

                (isNoted ? _noted : _plain).Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds / Batch);
            }
        }

        private async ValueTask<bool> ReadAsync(long offset) => _mounted is null
            ? _disk.TryRead(offset, _buffer) || await _disk.ReadAsync(offset, _buffer) == DiskError.None
            : RandomAccess.Read(_mounted, _buffer, offset) == ChunkSize;

        /// <summary>From now on the kernel reads, each time anew.</summary>
        public void Mount(DiskServer server) => _mounted = File.OpenHandle(server.Add(new Served(_disk)));

        public void Print(string name)
        {
            (double noted, double plain) = (LowerQuartile(_noted), LowerQuartile(_plain));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-28}{noted,10:0.00}{plain,10:0.00}{noted / plain,8:0.000}"));
            Forget();
        }

        public void Forget()
        {
            _noted.Clear();
            _plain.Clear();
        }

        /// <summary>Nothing is here any more.</summary>
        public ChunkOrigins Clear()
        {
            Dispose();
            Directory.Delete(_root, recursive: true);
            (_directory, _fetcher, _disk) = Open();
            return _activity.Origins = new ChunkOrigins();
        }

        public void Dispose()
        {
            _mounted?.Dispose();
            _disk.Dispose();
            _fetcher.Dispose();
            _directory.Dispose();
        }

        private (CacheDirectory Directory, Fetcher Fetcher, FilesystemDisk Disk) Open()
        {
            CacheDirectory directory = new(_root);
            Fetcher fetcher = new(new FetchOptions { Amplification = 0, MaxReadAhead = 0 }); // each read is a miss
            return (directory, fetcher, new FilesystemDisk("bench", new BlobReader(new RafsBlobFormat(_source.NewDecoder()), directory, fetcher, [_source], _activity)));
        }

        private static double LowerQuartile(List<double> values) => values.Order().ElementAt(values.Count / 4);
    }

    /// <summary>A disk that the kernel can't read by itself.</summary>
    private sealed class Served(IDisk disk) : IDisk
    {
        public string Name => disk.Name;

        public long Length => disk.Length;

        public SafeFileHandle? CompleteFile => null;

        public bool TryRead(long offset, Span<byte> destination) => disk.TryRead(offset, destination);

        public ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination) => disk.ReadAsync(offset, destination);

        public void Dispose()
        {
        }
    }
}
