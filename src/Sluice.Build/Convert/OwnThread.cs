using System.Runtime.ExceptionServices;

namespace Sluice.Build.Convert;

/// <summary>Threads of their own for synchronous work that waits for other threads: none of the pool is held.</summary>
internal static class OwnThread
{
    /// <param name="stop">Cancelled when the work fails.</param>
    public static Task<T> Run<T>(string name, Func<T> work, CancellationTokenSource stop)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception exception)
            {
                stop.Cancel();
                done.SetException(exception);
            }
        })
        { IsBackground = true, Name = name }.Start();
        return done.Task;
    }

    public static Task Run(string name, Action work, CancellationTokenSource stop) =>
        Run(name, () => { work(); return true; }, stop);

    /// <summary>
    /// Waits for two sides that share one source of cancellation. One side's failure cancels the other: the one that was not
    /// cancelled is thrown.
    /// </summary>
    public static async Task BothAsync(Task one, Task other, CancellationToken cancellation)
    {
        try
        {
            await Task.WhenAll(one, other);
        }
        catch (Exception)
        {
            Exception? cause = new[] { one, other }.Select(task => task.Exception?.InnerException).FirstOrDefault(e => e is not null and not OperationCanceledException);
            if (cause is not null && !cancellation.IsCancellationRequested) ExceptionDispatchInfo.Throw(cause);
            throw;
        }
    }
}
