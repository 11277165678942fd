using Microsoft.Extensions.Logging.Abstractions;

namespace Sluice.Node.Tests;

public sealed class WatchdogTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(40);

    [Fact]
    public async Task Only_a_daemon_that_answers_is_said_to_live()
    {
        int told = 0;
        TaskCompletionSource first = Signal(), done = Signal();
        List<int> before = []; // how often it had been told when each check began
        await using Watchdog watchdog = new(Short, Tell, NullLogger.Instance, TimeProvider.System);
        await first.Task; // while it starts it is told unasked
        watchdog.Serve(CheckAsync);
        await done.Task;
        Assert.Equal([0, 1, 1, 1, 1, 2], before.Select(count => count - before[0]));

        Task<string?> CheckAsync(CancellationToken cancellation)
        {
            if (done.Task.IsCompleted) return Task.FromResult<string?>(null);
            before.Add(Volatile.Read(ref told));
            switch (before.Count)
            {
                case 2: return Task.FromResult<string?>("the disks");
                case 3: throw new InvalidOperationException("broken");
                case 4: return new TaskCompletionSource<string?>().Task; // hangs
                case 6: done.SetResult(); break;
            }

            return Task.FromResult<string?>(null);
        }

        void Tell()
        {
            Interlocked.Increment(ref told);
            first.TrySetResult();
        }
    }

    [Fact]
    public async Task While_it_leaves_nothing_is_asked()
    {
        TaskCompletionSource again = Signal();
        bool left = false;
        await using Watchdog watchdog = new(Short, () => { if (Volatile.Read(ref left)) again.TrySetResult(); }, NullLogger.Instance, TimeProvider.System);
        watchdog.Serve(_ => Task.FromResult<string?>("gone"));
        watchdog.Leave();
        Volatile.Write(ref left, true);
        await again.Task;
    }

    private static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
