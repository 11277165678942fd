using System.Runtime.InteropServices;
using Sluice.Formats;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Storage.Disks;
using Sluice.Storage.Disks.Uppers;
using Sluice.Storage.Tests.Disks.Uppers;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Disks;

/// <summary>A writable layer over a disk, on real files.</summary>
public sealed class WritableDiskTests : IDisposable
{
    private const string Parent = "44444444-4444-4444-4444-444444444444";
    private const int Sectors = 4096;

    private readonly TemporaryDirectory _directory = new();

    private string Layer => Path.Combine(_directory.Path, "layer");

    private string Volatile => Path.Combine(_directory.Path, "volatile");

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(UpperKind.Append, 21)]
    [InlineData(UpperKind.Append, 22)]
    [InlineData(UpperKind.Sparse, 23)]
    [InlineData(UpperKind.Sparse, 24)]
    public async Task Agrees_with_an_array_of_sectors_also_when_sealed_and_opened_again(UpperKind kind, int seed)
    {
        var random = new Random(seed);
        byte[] below = new byte[Sectors * 512];
        int[] model = new int[Sectors];
        for (int sector = 0; sector < Sectors; sector++) model[sector] = random.Next(3) == 0 ? 0 : -sector;
        for (int sector = 0; sector < Sectors; sector++) MemoryMarshal.Cast<byte, int>(below.AsSpan(sector * 512, 512)).Fill(model[sector]);
        WritableDisk disk = Open(kind, new MemoryDisk(below) { IsLocal = offset => offset % 7 != 0 });
        int seals = 0;
        for (int version = 1; version <= 900; version++)
        {
            int offset = random.Next(Sectors), count = Math.Min(random.Next(1, 120), Sectors - offset);
            switch (random.Next(40))
            {
                case < 26:
                    Assert.Equal(DiskError.None, disk.Write(offset * 512, SectorModel.Fill(count, version)));
                    model.AsSpan(offset, count).Fill(version);
                    break;
                case < 35:
                    Assert.Equal(DiskError.None, disk.Discard(offset * 512, count * 512));
                    model.AsSpan(offset, count).Clear();
                    break;
                case < 37:
                    Assert.Equal(DiskError.None, disk.Flush());
                    break;
                case 37 when seals < 8:
                    disk.Seal();
                    Assert.Equal(++seals, disk.Sealed.Count);
                    break;
                case 38:
                    disk.Dispose();
                    disk = Open(null, new MemoryDisk(below) { IsLocal = offset => offset % 5 != 0 });
                    break;
            }

            await CheckAsync(disk, model, offset, count, random);
            if (version % 150 == 0) await CheckAsync(disk, model, 0, Sectors, random);
        }

        Assert.True(seals > 3);
        await CheckAsync(disk, model, 0, Sectors, random);
        CheckSealed(disk, below);
        disk.Dispose();
        Assert.Empty(Directory.EnumerateFiles(Volatile));
    }

    [Fact]
    public async Task What_is_not_local_is_fetched_and_errors_of_below_are_those_of_the_read()
    {
        byte[] below = new byte[Sectors * 512];
        Array.Fill(below, (byte)7);
        var lower = new MemoryDisk(below) { IsLocal = _ => false };
        using WritableDisk disk = Open(UpperKind.Append, lower);
        Assert.Equal(DiskError.None, disk.Write(4096, new byte[8192]));
        Assert.True(disk.TryRead(4096, new byte[8192]));
        Assert.False(disk.TryRead(0, new byte[8192]));
        byte[] read = new byte[16384];
        Assert.Equal(DiskError.None, await disk.ReadAsync(0, read));
        Assert.Equal([7, 0, 0, 7], new[] { read[4095], read[4096], read[12287], read[12288] });
        lower.FetchError = DiskError.InputOutput;
        Assert.Equal(DiskError.InputOutput, await disk.ReadAsync(0, read));
        Assert.Equal(DiskError.None, await disk.ReadAsync(4096, new byte[8192]));
    }

    [Theory]
    [InlineData(1, 512)]
    [InlineData(512, 100)]
    [InlineData(-512, 512)]
    [InlineData((Sectors - 1) * 512L, 1024)]
    [InlineData(1L << 60, 512)]
    public async Task Only_whole_sectors_within_the_disk_are_taken(long offset, int length)
    {
        using WritableDisk disk = Open(UpperKind.Append, new MemoryDisk(new byte[Sectors * 512]));
        Assert.Equal(DiskError.Invalid, disk.Write(offset, new byte[length]));
        Assert.Equal(DiskError.Invalid, disk.Discard(offset, length));
        if (offset is < 0 or > 512)
        {
            Assert.Equal(DiskError.Invalid, await disk.ReadAsync(offset, new byte[length]));
            Assert.False(disk.TryRead(offset, new byte[length]));
        }
    }

    [Theory]
    [InlineData(UpperKind.Append)]
    [InlineData(UpperKind.Sparse)]
    public void Writing_reading_and_discarding_allocate_nothing(UpperKind kind)
    {
        using WritableDisk disk = Open(kind, new MemoryDisk(new byte[1 << 24]));
        disk.Seal();
        byte[] data = new byte[4096];
        void Round(int round)
        {
            for (int i = 0; i < 400; i++)
            {
                // Ever more extents, so that the index grows.
                long at = ((i * 7919L) + (round * 131L)) % 4096 * 4096;
                Assert.True(disk.Write(at, data) == DiskError.None);
                Assert.True(disk.TryRead(at ^ 4096, data));
                if (i % 8 == 0) Assert.True(disk.Discard(at ^ 8192, 4096) == DiskError.None);
            }

            Assert.True(disk.Flush() == DiskError.None);
        }

        for (int i = 0; i < 20; i++) Round(i);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 20; i < 60; i++) Round(i);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData(UpperKind.Append)]
    [InlineData(UpperKind.Sparse)]
    public async Task Seals_stop_neither_writers_nor_readers_nor_flushes(UpperKind kind)
    {
        const int writers = 3, region = 256;
        using WritableDisk disk = Open(kind, new MemoryDisk(new byte[writers * region * 512]));
        using CancellationTokenSource done = new();
        Task[] tasks = [.. Enumerable.Range(0, writers).Select(number => Task.Run(() => Write(number)))];
        Task flushes = Task.Run(() =>
        {
            while (!done.IsCancellationRequested) Assert.Equal(DiskError.None, disk.Flush());
        });
        for (int i = 0; i < 12; i++) disk.Seal();
        await Task.WhenAll(tasks);
        await done.CancelAsync();
        await flushes;
        disk.Seal();
        byte[] all = new byte[writers * region * 512];
        Assert.True(disk.TryRead(0, all));
        for (int sector = 0; sector < writers * region; sector++) Assert.Equal((sector / region * 1000) + 400, BitConverter.ToInt32(all, sector * 512));

        void Write(int number)
        {
            var random = new Random(number);
            byte[] seen = new byte[region * 512];
            for (int version = 1; version <= 400; version++)
            {
                int count = version == 400 ? region : random.Next(1, 40), at = version == 400 ? 0 : random.Next(region - count);
                byte[] data = SectorModel.Fill(count, (number * 1000) + version);
                long offset = ((number * region) + at) * 512L;
                Assert.Equal(DiskError.None, disk.Write(offset, data));
                Assert.True(disk.TryRead(offset, seen.AsSpan(0, data.Length)));
                Assert.Equal(data, seen[..data.Length]);
            }
        }
    }

    [Fact]
    public void Another_image_is_refused_and_so_are_other_directories()
    {
        Open(UpperKind.Sparse, new MemoryDisk(new byte[1 << 20])).Dispose();
        SluiceException other = Assert.Throws<SluiceException>(() => UpperDirectory.Open(Layer, "55555555-4444-4444-4444-444444444444", Volatile));
        Assert.Equal(SluiceError.Usage, other.Error);
        Assert.Contains("another image", other.Message, StringComparison.Ordinal);
        Assert.Equal(SluiceError.Usage, Assert.Throws<SluiceException>(() => UpperDirectory.Create(Layer, UpperKind.Append, 1 << 20, Parent, null)).Error);
        Assert.Equal(SluiceError.NotFound, Assert.Throws<SluiceException>(() => UpperDirectory.Open(_directory.Path, Parent, null)).Error);
        using (UpperDirectory.Open(Layer, Parent, Volatile))
        {
            Assert.Equal(SluiceError.Disk, Assert.Throws<SluiceException>(() => UpperDirectory.Open(Layer, Parent, Volatile)).Error);
        }

        File.WriteAllBytes(Path.Combine(Layer, "writable_data"), new byte[9000]);
        Assert.Throws<InvalidFormatException>(() => UpperDirectory.Open(Layer, Parent, Volatile));
    }

    [Theory]
    [InlineData(UpperKind.Append)]
    [InlineData(UpperKind.Sparse)]
    public async Task What_is_done_while_a_disk_is_closed_is_done_whole_or_refused(UpperKind kind)
    {
        for (int round = 0; round < 20; round++)
        {
            if (Directory.Exists(Layer)) Directory.Delete(Layer, recursive: true);
            WritableDisk disk = Open(kind, new MemoryDisk(new byte[Sectors * 512]));
            Assert.Equal(DiskError.None, disk.Write(0, SectorModel.Fill(64, 5)));
            disk.Seal();
            IUpper upper = disk.Sealed[0];
            using var begun = new Barrier(4);
            Task commits = Task.Run(() =>
            {
                begun.SignalAndWait();
                while (true)
                {
                    using var output = new MemoryStream();
                    upper.Commit(output, new LsmtLayerOptions { VirtualSize = Sectors * 512 });
                    Assert.Equal(64, SectorModel.ReadLayer(output.ToArray(), Sectors).Count(sector => sector == 5));
                }
            });
            Task seals = Task.Run(() =>
            {
                begun.SignalAndWait();
                while (true)
                {
                    if (disk.Sealed.Count < 20) disk.Seal();
                }
            });
            Task writes = Task.Run(() =>
            {
                begun.SignalAndWait();
                byte[] data = SectorModel.Fill(8, 6);
                while (disk.Write(4096 * 64, data) == DiskError.None && disk.Flush() == DiskError.None && disk.Discard(4096 * 80, 4096) == DiskError.None)
                {
                }
            });
            begun.SignalAndWait(TestContext.Current.CancellationToken);
            disk.Dispose();
            await writes;
            Assert.Contains("closed before", (await Assert.ThrowsAsync<SluiceException>(() => commits)).Message, StringComparison.Ordinal);
            if (disk.Sealed.Count >= 20) continue;
            Assert.Contains("closed before", (await Assert.ThrowsAsync<SluiceException>(() => seals)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_damaged_upper_with_data_is_not_taken_for_a_leftover()
    {
        using (WritableDisk disk = Open(UpperKind.Append, new MemoryDisk(new byte[Sectors * 512])))
        {
            disk.Seal();
            Assert.Equal(DiskError.None, disk.Write(0, SectorModel.Fill(16, 3)));
        }

        foreach (string name in new[] { "writable_index.1", "writable_data.1" })
        {
            string path = Path.Combine(Layer, name);
            byte[] whole = File.ReadAllBytes(path);
            File.WriteAllBytes(path, [.. new byte[512], .. whole.AsSpan(512)]);
            Assert.Contains("writable_data.1", Assert.Throws<InvalidFormatException>(() => UpperDirectory.Open(Layer, Parent, Volatile)).Message, StringComparison.Ordinal);
            File.WriteAllBytes(path, whole);
        }

        using WritableDisk again = Open(null, new MemoryDisk(new byte[Sectors * 512]));
        byte[] seen = new byte[16 * 512];
        Assert.True(again.TryRead(0, seen));
        Assert.Equal(SectorModel.Fill(16, 3), seen);
    }

    [Fact]
    public void What_is_left_of_deleted_layers_is_removed_and_nothing_else()
    {
        string[] places = ["deleted", "replaced", "there", "broken", "open"];
        string below = Path.Combine(_directory.Path, "below"), outside = Path.Combine(_directory.Path, "outside");
        UpperDirectory Make(string place) => UpperDirectory.Create(place, UpperKind.Append, Sectors * 512, Parent, Volatile);
        var pending = new Dictionary<string, string>();
        List<UpperDirectory> killed = [];
        foreach (string place in places.Select(name => Path.Combine(below, name)).Append(outside))
        {
            HashSet<string> before = [.. Directory.Exists(Volatile) ? Directory.GetFiles(Volatile) : []];
            UpperDirectory made = Make(place);
            pending[Path.GetFileName(place)] = Assert.Single(Directory.GetFiles(Volatile).Except(before));
            killed.Add(made);
        }

        // As after a kill: nobody has the files open, and what they hold stays.
        Dictionary<string, byte[]> left = pending.Where(file => file.Key != "open").ToDictionary(file => file.Value, file => ReadShared(file.Value));
        for (int i = 0; i < killed.Count; i++)
        {
            if (i != Array.IndexOf(places, "open")) killed[i].Dispose();
        }

        foreach ((string path, byte[] content) in left) File.WriteAllBytes(path, content);
        Directory.Delete(Path.Combine(below, "deleted"), recursive: true);
        Directory.Delete(Path.Combine(below, "replaced"), recursive: true);
        Directory.Delete(outside, recursive: true);
        Directory.Delete(Path.Combine(below, "open"), recursive: true);
        Make(Path.Combine(below, "replaced")).Dispose();
        using (FileStream data = File.OpenWrite(Path.Combine(below, "broken", "writable_data"))) data.Write(new byte[10], 0, 10);
        File.WriteAllBytes(Path.Combine(Volatile, "short.pending"), new byte[10]);

        UpperDirectory.ForgetDeleted(Volatile, below);
        string[] expected = ["there", "open", "outside"];
        Assert.Equal(expected.Select(name => pending[name]).Append(Path.Combine(Volatile, "short.pending")).Order(), Directory.GetFiles(Volatile).Order());
        killed[Array.IndexOf(places, "open")].Dispose();

        static byte[] ReadShared(string path)
        {
            // .NET's locks are flock(2)'s: cat(1) knows nothing of them.
            using var cat = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("cat", [path]) { RedirectStandardOutput = true })!;
            using var content = new MemoryStream();
            cat.StandardOutput.BaseStream.CopyTo(content);
            return content.ToArray();
        }
    }

    [Fact]
    public void A_disk_says_before_a_write_would_have_to_wait_for_a_flush()
    {
        using WritableDisk disk = Open(UpperKind.Append, new MemoryDisk(new byte[Sectors * 512]));
        byte[] sector = SectorModel.Fill(1, 5);
        int writes = 0;
        for (; !disk.MayWait(512); writes++) Assert.Equal(DiskError.None, disk.Write(writes % 100 * 1024, sector));
        Assert.InRange(writes, PendingLog.Capacity / 2, PendingLog.Capacity - 64); // as many threads may write at the same time
        Assert.Equal(LsmtHeader.Size, new FileInfo(Path.Combine(Layer, "writable_index")).Length);
        Assert.Equal(DiskError.None, disk.Flush());
        Assert.False(disk.MayWait(4L << 30));
        Assert.False(disk.MayWait(512));
    }

    [Theory]
    [InlineData(UpperKind.Append)]
    [InlineData(UpperKind.Sparse)]
    public void An_upper_of_more_pieces_than_a_layer_may_have_is_sealed_and_committed_in_parts(UpperKind kind)
    {
        const long size = 2L << 30;
        const int pieces = LsmtLimits.MaxEntries + 5000;
        using (UpperDirectory made = UpperDirectory.Create(Layer, kind, size, Parent, null))
        {
            LoggedUpper upper = made.Uppers[0];
            for (int i = 0; i < pieces; i++) Assert.True(upper.Discard(i * 1024L, 512) == UpperError.None);
            Assert.Equal(UpperError.None, upper.Write((pieces - 1) * 1024L, SectorModel.Fill(1, 7)));
            made.Seal();
            Assert.Equal(UpperError.ReadOnly, upper.Write(0, new byte[512]));
            Assert.Equal(UpperError.None, made.Uppers[0].Write(0, SectorModel.Fill(1, 9)));
        }

        using UpperDirectory opened = UpperDirectory.Open(Layer, Parent, null);
        Assert.Equal(2, opened.Uppers.Length);
        IUpper frozen = Assert.Single(opened.Sealed);
        Assert.Equal(pieces, frozen.ExtentCount);
        Assert.Equal(2, frozen.Parts);
        List<LsmtExtent> committed = [];
        for (int part = 0; part < frozen.Parts; part++)
        {
            using var output = new MemoryStream();
            LsmtHeader trailer = frozen.Commit(output, new LsmtLayerOptions { VirtualSize = size }, part);
            ReadOnlySpan<byte> layer = output.GetBuffer().AsSpan(0, (int)output.Length);
            (long offset, int length) = LsmtIndexReader.GetRange(trailer, layer.Length);
            committed.AddRange(LsmtIndexReader.Read(trailer, layer.Slice((int)offset, length)));
            if (part == 1) Assert.Equal(SectorModel.Fill(1, 7), layer.Slice((int)committed[^1].MappedOffset * 512, 512).ToArray());
        }

        Assert.Equal(Enumerable.Range(0, pieces).Select(i => i * 2L), committed.Select(extent => extent.Offset));
        Assert.Equal(pieces - 1, committed.Count(extent => extent.IsZeroed));
    }

    [Fact]
    public void A_part_with_as_many_pieces_as_fit_is_committed_whatever_zeros_are_in_it()
    {
        const int blocks = 400_000;
        using UpperDirectory made = UpperDirectory.Create(Layer, UpperKind.Sparse, 8L << 30, Parent, null);
        LoggedUpper upper = made.Uppers[0];

        // The first half of the entries comes from zeros in few extents, then more than the other half from extents.
        byte[] striped = new byte[64 * 4096];
        for (int i = 0; i < 64; i += 2) striped[i * 4096] = 1;
        for (int i = 0; i < blocks / 64; i++) Assert.Equal(UpperError.None, upper.Write((long)i * striped.Length, striped));
        for (int i = 0; i < 650_000; i++) Assert.True(upper.Discard((4096L * blocks) + (i * 1024L), 512) == UpperError.None);
        upper.Commit(Stream.Null, new LsmtLayerOptions { VirtualSize = 8L << 30 });
    }

    private static async Task CheckAsync(WritableDisk disk, int[] model, int sector, int count, Random random)
    {
        // Not only whole sectors are read.
        int skipped = random.Next(512), length = Math.Max(0, (count * 512) - skipped - random.Next(512));
        byte[] seen = new byte[length];
        if (!disk.TryRead((sector * 512) + skipped, seen)) Assert.Equal(DiskError.None, await disk.ReadAsync((sector * 512) + skipped, seen));
        byte[] expected = new byte[count * 512];
        for (int i = 0; i < count; i++) MemoryMarshal.Cast<byte, int>(expected.AsSpan(i * 512, 512)).Fill(model[sector + i]);
        Assert.True(expected.AsSpan(skipped, length).SequenceEqual(seen), $"sectors {sector}..{sector + count} differ");
    }

    /// <summary>Each sealed upper names the one below as its parent, and commits to a layer.</summary>
    private static void CheckSealed(WritableDisk disk, byte[] below)
    {
        string parent = Parent;
        foreach (IUpper upper in disk.Sealed)
        {
            Assert.Equal(parent, upper.Header.ParentUuid);
            parent = upper.Header.Uuid;
            Assert.Equal(UpperError.ReadOnly, upper.Write(0, new byte[512]));
            using var output = new MemoryStream();
            upper.Commit(output, new LsmtLayerOptions { VirtualSize = below.Length });
            Assert.Equal(SectorModel.Read(upper, Sectors).Count(sector => sector != SectorModel.Absent), SectorModel.ReadLayer(output.ToArray(), Sectors).Count(sector => sector != SectorModel.Absent));
        }
    }

    private WritableDisk Open(UpperKind? kind, MemoryDisk lower) => new(
        "disk", lower, kind is { } made ? UpperDirectory.Create(Layer, made, lower.Length, Parent, Volatile) : UpperDirectory.Open(Layer, Parent, Volatile));
}
