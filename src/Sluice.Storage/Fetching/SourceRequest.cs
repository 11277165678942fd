using Sluice.Formats;
using Sluice.Storage.Activity;

namespace Sluice.Storage.Fetching;

/// <summary>One request of a fetch to one source: bytes in a buffer, or why there are none. Tells place and counters how it went.</summary>
internal sealed class SourceRequest
{
    /// <summary>How long after the end of its time a source may take to say why it did not deliver.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(500);

    private readonly SourceFetch _fetch;
    private readonly Fetcher _fetcher;
    private readonly int _length;
    private readonly TimeSpan _limit;
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Begins it. The place has been entered for it.</summary>
    public SourceRequest(SourceFetch fetch, Fetcher fetcher, SourceChoice choice, long start, int length, TimeSpan limit, bool isHedge)
    {
        (_fetch, _fetcher, Choice, _length, _limit) = (fetch, fetcher, choice, length, limit);
        Buffer = FetchBuffers.Pool.Rent(length);
        fetcher.Counters.FetchStarted();
        fetch.Owner.Activity.FetchStarted();
        Totals.Asked(isHedge);
        Done = RunAsync(start);
    }

    public SourceChoice Choice { get; }

    public byte[] Buffer { get; }

    /// <summary>True once the bytes are in <see cref="Buffer"/>, which is then the caller's; false if they won't come. Never faults.</summary>
    public Task<bool> Done { get; }

    /// <summary>Why they won't.</summary>
    public string Fault { get; private set; } = "";

    /// <summary>It gave no reason: the source may be asked once more.</summary>
    public bool WasSilent { get; private set; }

    /// <summary>See <see cref="SluiceException.MayPassIn"/>.</summary>
    public TimeSpan? MayPassIn { get; private set; }

    private SourceTotals Totals => _fetcher.Counters.Source(Choice.Source.Name);

    /// <summary>Its bytes are not wanted any more.</summary>
    public void Leave()
    {
        _fetch.AddReference(); // now: the fetch may end before the source has heard of it
        _left.TrySetResult();
        _ = Done.ContinueWith(
            static (done, state) =>
            {
                SourceRequest request = (SourceRequest)state!;
                if (done.Result) FetchBuffers.Pool.Return(request.Buffer);
                request._fetch.Release();
            },
            this, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private async Task<bool> RunAsync(long start)
    {
        TimeProvider time = _fetcher.Options.Time;
        Task? read = null;
        CancellationTokenSource timeout = new(_limit, time);
        try
        {
            long asked = time.GetTimestamp();
            read = Choice.Source.ReadAsync(_fetch.Owner.Format.Blob, start, Buffer.AsMemory(0, _length), timeout.Token);
            await Task.WhenAny(read, _left.Task).WaitAsync(_limit + Grace, time, _fetcher.Shutdown).ConfigureAwait(false);
            if (!read.IsCompleted)
            {
                Abandon(read, timeout);
                return false;
            }

            await read.ConfigureAwait(false);
            TimeSpan duration = time.GetElapsedTime(asked);
            Choice.Place.Delivered(_length, duration);
            Totals.Answered(duration);
            _fetch.Owner.Activity.Answered(asked, duration, _length);
            timeout.Dispose();
            return true;
        }
        catch (Exception exception)
        {
            if (!_left.Task.IsCompleted) OnFailed(exception);
            Abandon(read, timeout);
            return false;
        }
        finally
        {
            Choice.Place.Leave();
        }
    }

    private void OnFailed(Exception exception)
    {
        bool closing = exception is OperationCanceledException && _fetcher.Shutdown.IsCancellationRequested;
        if (!closing)
        {
            _fetcher.Counters.SourceFailed(Choice.Source.Name, SourceFailures.Of(exception));
            if (SourceFailures.IsOfPlace(exception)) Choice.Place.Failed();
            else if (SourceFailures.Of(exception) == SourceFailure.Throttled) Choice.Place.HoldBack(((SluiceException)exception).MayPassIn!.Value);
            else Choice.Set.Avoid(Choice.Index, _fetcher.Options);
        }

        string end = closing ? "on shutdown" : $"after {_limit.TotalSeconds:0.#} s";
        WasSilent = exception is OperationCanceledException or TimeoutException;
        MayPassIn = (exception as SluiceException)?.MayPassIn;
        string name = Choice.Source.Name;
        Fault = exception switch
        {
            OperationCanceledException { InnerException: SluiceException reason } => $"{reason.Message}, given up {end}",
            OperationCanceledException when closing => $"{name}: given up {end}",
            OperationCanceledException or TimeoutException => $"{name}: no answer within {_limit.TotalSeconds:0.#} s",
            SluiceException => exception.Message,
            _ => $"{name}: {exception.Message}",
        };
        if (!closing) _fetch.Owner.Activity.FetchFailed(Fault);
    }

    /// <summary>A source that does not heed its cancellation may still write: its buffer, and the memory account, wait for it.</summary>
    private void Abandon(Task? read, CancellationTokenSource timeout)
    {
        if (read is null || read.IsCompleted)
        {
            timeout.Dispose();
            FetchBuffers.Pool.Return(Buffer);
            return;
        }

        timeout.Cancel();

        _fetch.AddReference();
        _ = read.ContinueWith(
            task =>
            {
                _ = task.Exception;
                timeout.Dispose();
                FetchBuffers.Pool.Return(Buffer);
                _fetch.Release();
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }
}
