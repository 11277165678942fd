using Sluice.Formats;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Storage.Disks.Uppers;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Disks.Uppers;

/// <summary>Both kinds of uppers on real files.</summary>
public sealed class UpperTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("sluice-uppers-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(false, 11)]
    [InlineData(false, 12)]
    [InlineData(true, 13)]
    [InlineData(true, 14)]
    public void Agrees_with_an_array_of_sectors(bool sparse, int seed)
    {
        const int sectors = 3000;
        var random = new Random(seed);
        int[] model = new int[sectors];
        Array.Fill(model, SectorModel.Absent);
        IUpper upper = Create(sparse, sectors / 2 * 512);
        for (int version = 1; version <= 600; version++)
        {
            int offset = random.Next(sectors), count = Math.Min(random.Next(1, 90), sectors - offset);
            switch (random.Next(20))
            {
                case < 13:
                    Assert.Equal(UpperError.None, upper.Write(offset * 512, SectorModel.Fill(count, version)));
                    model.AsSpan(offset, count).Fill(version);
                    break;
                case < 18:
                    Assert.Equal(UpperError.None, upper.Discard(offset * 512, count * 512));
                    model.AsSpan(offset, count).Clear();
                    break;
                case 18:
                    Assert.Equal(UpperError.None, upper.Flush());
                    break;
                default:
                    upper.Dispose();
                    upper = Open(sparse);
                    break;
            }

            if (version % 60 == 0)
            {
                Assert.Equal(model, SectorModel.Read(upper, sectors));
                Assert.Equal(model, SectorModel.ReadLayer(Commit(upper), sectors));
            }
        }

        if (upper is AppendUpper append)
        {
            Assert.Equal(UpperError.None, append.Seal());
            Assert.Equal(UpperError.ReadOnly, append.Write(0, new byte[512]));
            Assert.Equal(model, SectorModel.Read(append, sectors));
            append.Dispose();
            Assert.Equal(model, SectorModel.ReadLayer(File.ReadAllBytes(DataPath), sectors));
            Assert.Equal(SluiceError.Usage, Assert.Throws<SluiceException>(() => Open(sparse)).Error);
        }

        upper.Dispose();
    }

    [Fact]
    public void The_golden_append_layer_commits_to_the_real_commit()
    {
        File.WriteAllBytes(DataPath, File.ReadAllBytes(Golden.Path("overlaybd/lsmt/rw_append.data")));
        File.WriteAllBytes(LogPath, File.ReadAllBytes(Golden.Path("overlaybd/lsmt/rw_append.index")));
        byte[] data = File.ReadAllBytes(DataPath), log = File.ReadAllBytes(LogPath);
        using (IUpper upper = Open(sparse: false)) AssertCommit(upper, "layer2.lsmt");
        Assert.Equal(data, File.ReadAllBytes(DataPath));
        Assert.Equal(log, File.ReadAllBytes(LogPath));
    }

    [Fact]
    public void The_golden_sparse_layer_commits_to_the_real_commit()
    {
        byte[] data = File.ReadAllBytes(Golden.Path("overlaybd/lsmt/sparse_data"));
        using (FileStream file = File.Create(DataPath))
        {
            // The golden copy lost its holes.
            file.SetLength(data.Length);
            for (int at = 0; at < data.Length; at += 4096)
            {
                if (!data.AsSpan(at, 4096).ContainsAnyExcept((byte)0)) continue;
                file.Position = at;
                file.Write(data.AsSpan(at, 4096));
            }
        }

        using (IUpper upper = Open(sparse: true)) AssertCommit(upper, "sparse_committed.lsmt");
        using (IUpper upper = Open(sparse: true)) AssertCommit(upper, "sparse_committed.lsmt");
        Assert.Equal(data, File.ReadAllBytes(DataPath));
    }

    [Fact]
    public void Blocks_that_another_program_wrote_into_a_closed_sparse_upper_are_taken_over()
    {
        using (IUpper upper = Create(sparse: true, 1 << 20))
        {
            Assert.Equal(UpperError.None, upper.Write(512, SectorModel.Fill(1, 5)));
            Assert.Equal(UpperError.None, upper.Discard(0, 512));
        }

        using (FileStream file = File.OpenWrite(DataPath))
        {
            file.Position = 4096 + 65536;
            file.Write(SectorModel.Fill(8, 9));
        }

        using IUpper again = Open(sparse: true);
        int[] seen = SectorModel.Read(again, 160);
        Assert.Equal([SectorModel.Zeroed, 5, SectorModel.Absent], seen[..3]);
        Assert.Equal([SectorModel.Absent, 9], seen[127..129]);
        Assert.Equal([9, SectorModel.Absent], seen[135..137]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void More_entries_than_one_flush_takes_flush_by_themselves(bool sparse)
    {
        const int count = PendingLog.Capacity + 100;
        using (IUpper upper = Create(sparse, count * 1024L))
        {
            byte[] data = SectorModel.Fill(1, 3);
            for (int i = 0; i < count; i++) Assert.Equal(UpperError.None, upper.Write(i * 1024L, data));
            Assert.Equal(count, upper.ExtentCount);
            Assert.True(new FileInfo(LogPath).Length >= LsmtHeader.Size + (PendingLog.Capacity * LsmtExtent.Bytes));
        }

        using IUpper again = Open(sparse);
        Assert.Equal(count, again.ExtentCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Writing_again_allocates_nothing(bool sparse)
    {
        using IUpper upper = Create(sparse, 1 << 20);
        byte[] data = SectorModel.Fill(8, 3);
        void Round()
        {
            for (int i = 0; i < 200; i++) Assert.True(upper.Write(i * 37 % 64 * 4096, data) == UpperError.None);
            Assert.True(upper.Discard(8192, 4096) == UpperError.None);
            Assert.True(upper.Flush() == UpperError.None);
        }

        for (int i = 0; i < 40; i++) Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++) Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Writers_readers_and_flushes_run_side_by_side(bool sparse)
    {
        const int region = 512;
        using (LoggedUpper upper = Create(sparse, 4 * region * 512))
        {
            Task[] writers = [.. Enumerable.Range(0, 4).Select(number => Task.Run(() => Write(upper, number)))];
            Task all = Task.WhenAll(writers);
            while (!all.IsCompleted) Assert.Equal(UpperError.None, upper.Flush());
            await all;
        }

        using IUpper again = Open(sparse);
        Assert.Equal(Enumerable.Range(0, 4 * region).Select(sector => (sector / region * 1000) + 300), SectorModel.Read(again, 4 * region));

        static void Write(LoggedUpper upper, int number)
        {
            var random = new Random(number);
            var found = new LsmtExtent[1];
            for (int version = 1; version <= 300; version++)
            {
                int count = version == 300 ? region : random.Next(1, 40), at = version == 300 ? 0 : random.Next(region - count);
                byte[] data = SectorModel.Fill(count, (number * 1000) + version);
                long sector = (number * region) + at;
                Assert.Equal(UpperError.None, upper.Write(sector * 512, data));
                Assert.Equal(1, upper.Lookup(sector, 1, found));
                byte[] seen = new byte[512];
                Assert.Equal(UpperError.None, upper.Read(found[0], seen));
                Assert.Equal(data[..512], seen);
            }
        }
    }

    [Fact]
    public void Foreign_and_damaged_files_are_typed_errors()
    {
        using (IUpper upper = Create(sparse: false, 1 << 20)) Assert.Equal(UpperError.None, upper.Write(0, SectorModel.Fill(4, 1)));
        Assert.Throws<InvalidFormatException>(() => Open(sparse: true));
        byte[] log = File.ReadAllBytes(LogPath);
        byte[] bad = [.. log];
        bad[4096 + 8] = 1;
        File.WriteAllBytes(LogPath, bad);
        Assert.Throws<InvalidFormatException>(() => Open(sparse: false));
        bad = [.. log, .. new byte[(PendingLog.Capacity + 1) * LsmtExtent.Bytes]];
        File.WriteAllBytes(LogPath, bad);
        Assert.Throws<InvalidFormatException>(() => Open(sparse: false));
        bad = [.. log];
        bad[56] ^= 1;
        File.WriteAllBytes(LogPath, bad);
        Assert.Throws<InvalidFormatException>(() => Open(sparse: false));
        File.WriteAllBytes(LogPath, [.. log, 1, 2, 3]);
        using (IUpper upper = Open(sparse: false)) Assert.Equal(1, SectorModel.Read(upper, 4)[3]);
        Assert.Equal(log.Length, new FileInfo(LogPath).Length);
        File.WriteAllBytes(DataPath, new byte[9000]);
        Assert.Throws<InvalidFormatException>(() => Open(sparse: false));
        File.WriteAllBytes(DataPath, new byte[9]);
        Assert.Throws<InvalidFormatException>(() => Open(sparse: false));
        File.Delete(DataPath);
        Assert.Equal(SluiceError.Disk, Assert.Throws<SluiceException>(() => Open(sparse: false)).Error);
    }

    [Theory]
    [InlineData(1, 512)]
    [InlineData(512, 100)]
    [InlineData(-512, 512)]
    public void Only_whole_sectors_are_written(long offset, int length)
    {
        using IUpper upper = Create(sparse: false, 1 << 20);
        Assert.Equal(UpperError.Invalid, upper.Write(offset, new byte[length]));
        Assert.Equal(UpperError.Invalid, upper.Discard(offset, length));
        Assert.Equal(0, upper.ExtentCount);
    }

    private static byte[] Commit(IUpper upper)
    {
        using var output = new MemoryStream();
        upper.Commit(output, new LsmtLayerOptions { VirtualSize = upper.VirtualSize, DetectZeros = false });
        return output.ToArray();
    }

    private static void AssertCommit(IUpper upper, string golden)
    {
        byte[] expected = File.ReadAllBytes(Golden.Path("overlaybd/lsmt/" + golden));
        LsmtHeader trailer = LsmtHeader.Read(expected.AsSpan(expected.Length - LsmtHeader.Size));
        using var output = new MemoryStream();
        upper.Commit(output, new LsmtLayerOptions { VirtualSize = upper.VirtualSize, Uuid = trailer.Uuid, ParentUuid = trailer.ParentUuid, UserTag = trailer.UserTag, DetectZeros = false });
        Assert.Equal(expected, output.ToArray());
    }

    private string DataPath => Path.Combine(_directory, "data");

    private string LogPath => Path.Combine(_directory, "index");

    private LoggedUpper Create(bool sparse, long size)
    {
        LsmtHeader header = LsmtHeader.ForData(size, "22222222-2222-2222-2222-222222222222", LsmtHeader.NoUuid, sparse);
        return sparse ? SparseUpper.Create(DataPath, LogPath, header) : AppendUpper.Create(DataPath, LogPath, header);
    }

    private LoggedUpper Open(bool sparse) => sparse ? SparseUpper.Open(DataPath, LogPath) : AppendUpper.Open(DataPath, LogPath);
}
