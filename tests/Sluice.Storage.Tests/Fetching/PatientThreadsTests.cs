using System.Collections.Concurrent;
using Sluice.Storage.Fetching;

namespace Sluice.Storage.Tests.Fetching;

public sealed class PatientThreadsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task They_are_not_the_pools_and_what_follows_is_back_there()
    {
        PatientThreads threads = new(TimeSpan.FromSeconds(1));
        (bool isPools, TaskScheduler? current) = (true, null);
        bool follows = await Task.Run(async () =>
        {
            await threads.RunAsync(() => (isPools, current) = (Thread.CurrentThread.IsThreadPoolThread, TaskScheduler.Current));
            return Thread.CurrentThread.IsThreadPoolThread;
        });
        Assert.False(isPools);
        Assert.Same(TaskScheduler.Default, current); // what a task begins, too
        Assert.True(follows);
    }

    [Fact]
    public async Task There_are_no_more_than_processors()
    {
        PatientThreads threads = new(TimeSpan.FromSeconds(1));
        ConcurrentDictionary<int, bool> seen = [];
        await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => threads.RunAsync(() => seen[Environment.CurrentManagedThreadId] = true))).WaitAsync(TimeSpan.FromSeconds(60), Cancellation);
        Assert.InRange(seen.Count, 1, Environment.ProcessorCount);
        Assert.InRange(threads.Count, 1, Environment.ProcessorCount);
    }

    [Fact]
    public async Task None_is_left_idle_and_no_task_is_lost_where_one_ends()
    {
        PatientThreads threads = new(TimeSpan.FromMilliseconds(1)); // so that they end all the time
        for (int round = 0; round < 2000; round++)
        {
            await threads.RunAsync(() => { }).WaitAsync(TimeSpan.FromSeconds(60), Cancellation);
            if (round % 3 == 0) await Task.Delay(1, Cancellation);
        }

        while (threads.Count > 0) await Task.Delay(5, Cancellation);
        await Assert.ThrowsAsync<InvalidOperationException>(() => threads.RunAsync(() => throw new InvalidOperationException()));
    }
}
