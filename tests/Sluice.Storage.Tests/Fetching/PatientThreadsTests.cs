using System.Collections.Concurrent;
using System.Globalization;
using Sluice.Storage.Fetching;

namespace Sluice.Storage.Tests.Fetching;

public sealed class PatientThreadsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task They_are_not_the_pools_and_give_way()
    {
        PatientThreads threads = new(TimeSpan.FromSeconds(1));
        (bool isPools, int nice) = (true, 0);
        await threads.RunAsync(() => (isPools, nice) = (Thread.CurrentThread.IsThreadPoolThread, NiceOfThread()));
        Assert.False(isPools);
        Assert.Equal(PatientThreads.Nice, nice);
        Assert.True(Thread.CurrentThread.IsThreadPoolThread);
        Assert.Equal(0, NiceOfThread());
    }

    [Fact]
    public async Task There_are_no_more_than_processors()
    {
        PatientThreads threads = new(TimeSpan.FromSeconds(1));
        ConcurrentDictionary<int, bool> seen = [];
        await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => threads.RunAsync(() =>
        {
            seen[Environment.CurrentManagedThreadId] = true;
            Thread.Sleep(1);
        }))).WaitAsync(TimeSpan.FromSeconds(60), Cancellation);
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

    /// <summary>Source: proc_pid_stat(5), field 19; 17 behind the name.</summary>
    private static int NiceOfThread() => int.Parse(File.ReadAllText("/proc/thread-self/stat").Split(") ")[1].Split(' ')[16], CultureInfo.InvariantCulture);
}
