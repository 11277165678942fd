using Sluice.Storage.Activity;
using Sluice.Storage.Disks;
using Sluice.Storage.Tests.Disks;

namespace Sluice.Storage.Tests.Activity;

public sealed class ImageActivityTests
{
    [Fact]
    public async Task A_read_that_throws_is_not_in_flight_for_ever()
    {
        var activity = new ImageActivity("image");
        await Assert.ThrowsAsync<InvalidOperationException>(() => activity.WatchAsync(new MemoryDisk(new byte[512]), 0, 512, FailAsync()).AsTask());
        Assert.Empty(activity.InFlight());
        Assert.True(Assert.Single(activity.ReadStart().Misses).Failed);
        Assert.Equal(1, activity.Totals().Errors);
    }

    private static async ValueTask<DiskError> FailAsync()
    {
        await Task.Yield();
        throw new InvalidOperationException("a bug");
    }
}
