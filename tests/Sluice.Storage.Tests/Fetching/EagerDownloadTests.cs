using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;

namespace Sluice.Storage.Tests.Fetching;

/// <summary>All of an image comes at once, and reads still go first.</summary>
public sealed class EagerDownloadTests
{
    private const int Chunk = 65536;

    private static readonly SyntheticBlob Image = SyntheticBlob.Create(82, 512, Chunk);

    [Fact]
    public async Task AllOfItComesSideBySideAndNothingTwice()
    {
        using Rig rig = new(Image);
        await rig.AssertReadAsync(5 * Chunk, Chunk);
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task<DownloadEnd> download = RunAsync(rig);
        await gate.ArrivedAsync(2);
        gate.Open();
        Assert.Equal(DownloadEnd.Complete, await download);
        Assert.NotNull(rig.Disk.CompleteFile);
        Assert.Equal(Image.Stored.Length, rig.Source.Requests.Sum(request => request.Length));

        int before = rig.Source.Requests.Count;
        Assert.Equal(DownloadEnd.Complete, await RunAsync(rig));
        Assert.Equal(before, rig.Source.Requests.Count);
    }

    /// <summary>Of a line that nobody knows yet little is taken: what is under way comes soon also if it is slow.</summary>
    [Fact]
    public async Task AReadGoesBeforeWhatIsNotUnderWayYet()
    {
        using Rig rig = new(Image);
        const int Share = 2; // of 512 KiB each
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task<DownloadEnd> download = RunAsync(rig);
        await gate.ArrivedAsync(Share);
        Task read = rig.AssertReadAsync(Image.Content.Length - Chunk, Chunk);
        await gate.ArrivedAsync(1);
        Assert.Equal(Share + 1, rig.Source.Requests.Count);
        gate.Open();
        await read;
        Assert.Equal(DownloadEnd.Complete, await download);
    }

    [Fact]
    public async Task NothingIsPushedOutForIt()
    {
        using Rig rig = new(Image, cacheOptions: new CacheOptions { Quota = DiskShare.OfBytes(12 << 20) });
        await rig.AssertReadAsync(0, 16 * Chunk);
        Assert.Equal(DownloadEnd.NoRoom, await RunAsync(rig));
        Assert.Equal(0, rig.Directory.Counters.EvictedChunks);
        Assert.True(rig.Disk.TryRead(0, new byte[16 * Chunk]));
    }

    [Fact]
    public async Task ASourceThatIsAwayEndsItAndTheNextOneGoesOn()
    {
        using Rig rig = new(Image, Rig.NoExtras with { RequestDeadline = TimeSpan.FromSeconds(1) });
        rig.Source.Script = (_, _, _) => rig.Source.Requests.Count > 3 ? throw new IOException("away") : Task.CompletedTask;
        Assert.Equal(DownloadEnd.Failed, await RunAsync(rig));
        rig.Source.Script = null;
        Assert.Equal(DownloadEnd.Complete, await RunAsync(rig));
    }

    [Fact]
    public async Task AnImageThatIsClosedEndsIt()
    {
        using Rig rig = new(Image);
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        FilesystemDisk other = rig.Open(Image);
        Task<DownloadEnd> download = new EagerDownload([other.Reader]).RunAsync(CancellationToken.None);
        await gate.ArrivedAsync(1);
        other.Dispose();
        gate.Open();
        Assert.Equal(DownloadEnd.Closed, await download);
    }

    private static Task<DownloadEnd> RunAsync(Rig rig) => new EagerDownload([rig.Disk.Reader]).RunAsync(CancellationToken.None);
}
