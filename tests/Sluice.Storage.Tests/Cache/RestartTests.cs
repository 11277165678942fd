using Sluice.Formats;
using Sluice.Storage.Cache;
using Sluice.Storage.Fetching;
using Sluice.Storage.Tests.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Cache;

public sealed class RestartTests : IDisposable
{
    private readonly TemporaryDirectory _root = new();
    private readonly SyntheticBlob _blob = SyntheticBlob.Create(1, 64, 6000, maxMembers: 2, vary: true);

    private string BlobDirectory => Path.Combine(_root.Path, "sha256", _blob.Blob.Hex);

    public void Dispose() => _root.Dispose();

    [Fact]
    public async Task WhatWasStoredIsNotFetchedAgain()
    {
        await FillAsync();
        using Rig rig = Reopen();
        Assert.Equal(64, rig.Disk.Reader.Cache.PresentChunks);
        Assert.Equal(0, rig.Disk.Reader.Cache.VerifiedChunks);
        Assert.False(rig.Disk.TryRead(0, new byte[1]));
        await rig.AssertReadAsync(0, _blob.Content.Length);
        Assert.Empty(rig.Source.Requests);
        Assert.Equal(64, rig.Fetcher.Counters.Checks);
        Assert.NotNull(rig.Disk.CompleteFile);
    }

    [Fact]
    public async Task ConcurrentFirstReadsCheckEachChunkOnce()
    {
        await FillAsync();
        using Rig rig = Reopen();
        await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => Task.Run(() => rig.AssertReadAsync(0, _blob.Content.Length))));
        Assert.Equal(64, rig.Fetcher.Counters.Checks);
        Assert.Empty(rig.Source.Requests);
    }

    [Fact]
    public async Task VerifyingFindsWhatRottedUnderVerifiedChunks()
    {
        using Rig rig = Reopen();
        await rig.AssertReadAsync(0, _blob.Content.Length);
        rig.Directory.Flush();
        await using (FileStream data = new(Path.Combine(BlobDirectory, "data"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            int first = data.ReadByte();
            data.Position = 0;
            data.WriteByte((byte)(first ^ 1));
        }

        CacheVerification found = rig.Directory.Verify(new HashSet<string>(), default, CancellationToken.None);
        Assert.Equal((64, 1), (found.Chunks, found.Wrong));
        Assert.Equal(1, rig.Directory.Counters.WrongChunks);
        await rig.AssertReadAsync(0, _blob.Content.Length);
        Assert.Equal(0, rig.Directory.Verify(new HashSet<string>(), default, CancellationToken.None).Wrong);
    }

    [Fact]
    public async Task PrefetchingChecksWhatIsThereAndFetchesTheRest()
    {
        await FillAsync();
        Damage("data", 5);
        using Rig rig = Reopen();
        Assert.True(await rig.Disk.Reader.PrefetchAsync(0, _blob.Length, FetchPriority.Background, CancellationToken.None));
        Assert.Single(rig.Source.Requests);
        Assert.NotNull(rig.Disk.CompleteFile);
    }

    [Fact]
    public async Task DamagedFilesCostFetchesAndNothingElse()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            await FillAsync();
            Random random = new(seed);
            for (int count = random.Next(1, 4); count > 0; count--) Damage(random.Next(2) == 0 ? "data" : "map", random.Next());
            using Rig rig = Reopen();
            await rig.AssertReadAsync(0, _blob.Content.Length);
            await rig.AssertReadAsync(0, _blob.Content.Length);
        }
    }

    [Theory]
    [InlineData("data", 0)]
    [InlineData("data", 5000)]
    [InlineData("map", 0)]
    [InlineData("map", 100)]
    [InlineData("map", 4096)]
    [InlineData("map", 8191)]
    public async Task TruncatedFilesAreFilledAgain(string name, int length)
    {
        await FillAsync();
        using (FileStream file = File.OpenWrite(Path.Combine(BlobDirectory, name))) file.SetLength(length);
        using Rig rig = Reopen();
        Assert.Equal(0, rig.Disk.Reader.Cache.PresentChunks);
        await rig.AssertReadAsync(0, _blob.Content.Length);
        Assert.NotEmpty(rig.Source.Requests);
    }

    [Fact]
    public async Task RecordsOfDroppedDataDoNotComeBack()
    {
        SyntheticBlob blob = SyntheticBlob.Create(7, 600); // three pages of records
        CacheOptions trusting = new() { TrustCleanShutdown = true };
        string directory = Path.Combine(_root.Path, "sha256", blob.Blob.Hex);
        using (Rig rig = Open()) await rig.AssertReadAsync(0, blob.Content.Length);
        using (FileStream data = File.OpenWrite(Path.Combine(directory, "data"))) data.SetLength(0);
        using (Rig rig = Open())
        {
            Assert.Equal(0u, ChunkMapLayout.Flags(File.ReadAllBytes(Path.Combine(directory, "map")))); // killed now, the next start would see holes
            await rig.AssertReadAsync(0, 4096);
        }

        using Rig reopened = Open();
        Assert.Equal(1, reopened.Disk.Reader.Cache.PresentChunks);
        await reopened.AssertReadAsync(0, blob.Content.Length);

        Rig Open() => new(blob, cacheOptions: trusting, root: _root.Path);
    }

    [Theory]
    [InlineData("data")]
    [InlineData("map")]
    public async Task FilesOfAnotherBlobAreNotBelieved(string name)
    {
        SyntheticBlob other = SyntheticBlob.Create(99, 64, 6000, maxMembers: 2, vary: true);
        await FillAsync();
        using (Rig rig = new(other, root: _root.Path)) await rig.AssertReadAsync(0, 4096);
        File.Copy(Path.Combine(_root.Path, "sha256", other.Blob.Hex, name), Path.Combine(BlobDirectory, name), overwrite: true);
        using Rig reopened = Reopen();
        await reopened.AssertReadAsync(0, _blob.Content.Length);
        Assert.NotEmpty(reopened.Source.Requests);
    }

    [Fact]
    public async Task DataThatLagsBehindTheMapIsNotServed()
    {
        // What a power cut would leave if the map were durable before the data: bits over zeros.
        await FillAsync();
        long length = new FileInfo(Path.Combine(BlobDirectory, "data")).Length;
        using (FileStream file = File.OpenWrite(Path.Combine(BlobDirectory, "data")))
        {
            file.SetLength(length / 2);
            file.SetLength(length);
        }

        using Rig rig = Reopen();
        await rig.AssertReadAsync(0, _blob.Content.Length);
        Assert.True(rig.Fetcher.Counters.Corruptions > 0);
    }

    [Fact]
    public async Task TheMapFollowsTheDataOnlyAfterAFlush()
    {
        using Rig rig = Reopen();
        await rig.AssertReadAsync(0, 4096);
        Assert.Equal(0, RecordsOnDisk());
        rig.Directory.Flush();
        Assert.Equal(rig.Disk.Reader.Cache.PresentChunks, RecordsOnDisk());
        Assert.NotEqual(0, RecordsOnDisk());
    }

    [Fact]
    public async Task FlushingHappensByItself()
    {
        ManualTime time = new();
        using Rig rig = new(_blob, cacheOptions: new CacheOptions { Time = time }, root: _root.Path);
        await rig.AssertReadAsync(0, 4096);
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.NotEqual(0, RecordsOnDisk());
    }

    [Fact]
    public async Task ACleanStopIsBelievedOnlyWhenAllowed()
    {
        CacheOptions trusting = new() { TrustCleanShutdown = true };
        using (Rig rig = new(_blob, cacheOptions: trusting, root: _root.Path)) await rig.AssertReadAsync(0, _blob.Content.Length);
        using (Rig rig = new(_blob, cacheOptions: trusting, root: _root.Path))
        {
            Assert.True(rig.Disk.TryRead(0, new byte[4096]));

            // The mark is gone while the cache is open: a copy taken now is of an unclean stop.
            File.Copy(Path.Combine(BlobDirectory, "map"), Path.Combine(_root.Path, "unclean"));
        }

        using (Rig rig = Reopen()) Assert.False(rig.Disk.TryRead(0, new byte[4096]));
        File.Copy(Path.Combine(_root.Path, "unclean"), Path.Combine(BlobDirectory, "map"), overwrite: true);
        using (Rig rig = new(_blob, cacheOptions: trusting, root: _root.Path)) Assert.False(rig.Disk.TryRead(0, new byte[4096]));
    }

    [Fact]
    public async Task ACleanStopUnderForgedDigestsIsNotBelieved()
    {
        CacheOptions trusting = new() { TrustCleanShutdown = true };
        SyntheticBlob honest = SyntheticBlob.Create(5, 12);
        SyntheticBlob forged = honest.Forged(6);
        using (Rig rig = new(forged, cacheOptions: trusting, root: _root.Path)) await rig.AssertReadAsync(0, forged.Content.Length);
        using Rig reopened = new(honest, cacheOptions: trusting, root: _root.Path);
        await reopened.AssertReadAsync(0, honest.Content.Length);
    }

    [Fact]
    public void TwoDaemonsCanNotShareADirectory()
    {
        using CacheDirectory first = new(_root.Path);
        SluiceException error = Assert.Throws<SluiceException>(() => new CacheDirectory(_root.Path));
        Assert.Equal(SluiceError.Disk, error.Error);
        Assert.NotNull(error.Hint);
        first.Dispose();
        using CacheDirectory second = new(_root.Path);
    }

    private async Task FillAsync()
    {
        using Rig rig = Reopen();
        await rig.AssertReadAsync(0, _blob.Content.Length);
    }

    private Rig Reopen() => new(_blob, root: _root.Path);

    private int RecordsOnDisk()
    {
        byte[] map = File.ReadAllBytes(Path.Combine(BlobDirectory, "map"));
        return Enumerable.Range(0, 64).Count(number => ChunkRecord.Read(map.AsSpan(ChunkMapLayout.PageSize + ChunkMapLayout.PositionOf(number))).IsStored);
    }

    /// <summary>Flips a bit, zeroes a block, cuts or lengthens the file.</summary>
    private void Damage(string name, int seed)
    {
        Random random = new(seed);
        using FileStream file = new(Path.Combine(BlobDirectory, name), FileMode.Open, FileAccess.ReadWrite);
        if (file.Length == 0) return;
        int kind = seed == 5 ? 0 : random.Next(4);
        long position = seed == 5 ? 0 : random.NextInt64(file.Length);
        if (kind == 2) file.SetLength(position);
        if (kind == 3) file.SetLength(file.Length + random.Next(1, 10_000));
        if (kind > 1) return;
        file.Position = position;
        byte[] bytes = new byte[kind == 0 ? 1 : 4096];
        int read = file.Read(bytes);
        for (int index = 0; index < read; index++) bytes[index] = kind == 0 ? (byte)(bytes[index] ^ (1 << random.Next(8))) : (byte)0;
        file.Position = position;
        file.Write(bytes, 0, read);
    }
}
