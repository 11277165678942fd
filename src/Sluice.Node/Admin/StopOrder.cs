namespace Sluice.Node.Admin;

/// <summary>An order to the daemon to end, given at most once.</summary>
internal sealed class StopOrder
{
    private readonly TaskCompletionSource<bool> _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with the order; true: unmount everything.</summary>
    public Task<bool> Asked => _asked.Task;

    public void Give(bool unmount) => _asked.TrySetResult(unmount);
}
