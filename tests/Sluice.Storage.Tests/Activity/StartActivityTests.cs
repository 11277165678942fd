using Sluice.Storage.Activity;
using Sluice.Storage.Disks;
using Sluice.Storage.Tests.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Activity;

public sealed class StartActivityTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public async Task A_mount_begins_a_start_and_forgets_the_one_before()
    {
        ImageActivity image = new("app", _time);
        image.Mark(ImageStep.MountBegan);
        await MissAsync(image, TimeSpan.FromSeconds(1));
        image.Fetched(FetchCause.Demand, "r", 100);
        Assert.Equal((1, 100), (image.ReadStart().Misses.Count, image.ReadStart().Totals.BytesFetched));
        Assert.NotNull(image.FirstRead);
        image.Mark(ImageStep.MountBegan);
        Assert.Empty(image.ReadStart().Misses);
        Assert.Equal(0, image.ReadStart().Totals.BytesFetched);
        Assert.Null(image.FirstRead);
        Assert.Equal(100, image.Totals().BytesFetched); // the image's own go on
        Assert.Null(image.At(ImageStep.Mounted));
    }

    [Fact]
    public async Task Records_say_where_when_and_how_long()
    {
        ImageActivity image = new("app", _time);
        image.Mark(ImageStep.MountBegan);
        _time.Advance(TimeSpan.FromSeconds(2));
        await MissAsync(image, TimeSpan.FromMilliseconds(300), offset: 5L << 32, error: DiskError.InputOutput);
        StartRecord start = image.ReadStart();
        MissRecord miss = Assert.Single(start.Misses);
        Assert.Equal(("disk", 5L << 32, 4096, TimeSpan.FromMilliseconds(300), true), (miss.Disk, miss.Offset, miss.Length, miss.Waited, miss.Failed));
        Assert.Equal(TimeSpan.FromSeconds(2), miss.At - start.Began);
    }

    [Fact]
    public async Task What_comes_after_the_window_is_not_part_of_it()
    {
        ImageActivity image = new("app", _time);
        image.Mark(ImageStep.MountBegan);
        _time.Advance(TimeSpan.FromHours(1)); // a pull that is used later
        await MissAsync(image, TimeSpan.FromSeconds(1));
        image.Fetched(FetchCause.Demand, "r", 100);
        _time.Advance(StartActivity.Window);
        await MissAsync(image, TimeSpan.FromSeconds(1));
        image.Fetched(FetchCause.Demand, "r", 1000);
        image.FetchFailed("later");
        StartRecord start = image.ReadStart();
        Assert.True(start.IsOver);
        Assert.Equal((1, 100, 0), (start.Misses.Count, start.Totals.BytesFetched, start.Failures));
    }

    [Fact]
    public async Task Memory_is_bounded()
    {
        ImageActivity image = new("app", _time);
        for (int i = 0; i < StartActivity.MaxMisses + 10; i++)
        {
            await MissAsync(image, TimeSpan.FromTicks(10));
            image.Answered(_time.GetTimestamp(), TimeSpan.FromTicks(10), 1);
        }

        StartRecord start = image.ReadStart();
        Assert.Equal((StartActivity.MaxMisses, 10, StartActivity.MaxFetches), (start.Misses.Count, start.MoreMisses, start.Fetches.Count));
    }

    private async Task MissAsync(ImageActivity image, TimeSpan waits, long offset = 0, DiskError error = DiskError.None)
    {
        TaskCompletionSource<DiskError> read = new();
        ValueTask<DiskError> watched = image.WatchAsync(new NamedDisk(), offset, 4096, new ValueTask<DiskError>(read.Task));
        _time.Advance(waits);
        read.SetResult(error);
        Assert.Equal(error, await watched);
    }

    private sealed class NamedDisk : IDisk
    {
        public string Name => "disk";

        public long Length => long.MaxValue;

        public Microsoft.Win32.SafeHandles.SafeFileHandle? CompleteFile => null;

        public bool TryRead(long offset, Span<byte> destination) => false;

        public ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination) => ValueTask.FromResult(DiskError.InputOutput);

        public void Dispose()
        {
        }
    }
}
