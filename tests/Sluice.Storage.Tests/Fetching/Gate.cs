namespace Sluice.Storage.Tests.Fetching;

/// <summary>Holds whoever passes until the test opens it, and tells the test how many stand before it.</summary>
internal sealed class Gate
{
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly System.Threading.Channels.Channel<bool> _arrivals = System.Threading.Channels.Channel.CreateUnbounded<bool>();

    public async Task PassAsync(CancellationToken cancellation)
    {
        _arrivals.Writer.TryWrite(true);
        await _open.Task.WaitAsync(cancellation);
    }

    public void Open() => _open.SetResult();

    public async Task ArrivedAsync(int count)
    {
        for (int index = 0; index < count; index++) await _arrivals.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));
    }
}
