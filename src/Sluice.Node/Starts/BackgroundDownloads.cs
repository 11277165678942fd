using Sluice.Node.Configuration;
using Sluice.Storage.Fetching;

namespace Sluice.Node.Starts;

/// <summary>
/// Brings here what images that are in use still lack, one image after the other, when their containers have started: then they need no registry. What can't be had now is tried again
/// later, what there is no room for, too.
/// </summary>
internal sealed class BackgroundDownloads : IDisposable
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LastRetry = TimeSpan.FromMinutes(15);

    private readonly Action<string> _log;
    private readonly TimeProvider _time;
    private readonly Func<double> _random;
    private readonly Func<IReadOnlyCollection<BlobReader>, CancellationToken, Task<DownloadEnd>> _download;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _over = new();
    private readonly Lock _gate = new();
    private volatile BackgroundOptions _options;
    private CancellationTokenSource? _underWay;
    private TaskCompletionSource _turnedOn = NewSignal();

    /// <param name="random">From 0 to 1; null: at random.</param>
    /// <param name="download">What brings an image; null: a <see cref="BackgroundDownload"/>.</param>
    public BackgroundDownloads(
        BackgroundOptions options, Action<string> log, TimeProvider? time = null, Func<double>? random = null, Func<IReadOnlyCollection<BlobReader>, CancellationToken, Task<DownloadEnd>>? download = null)
    {
        (_options, _log, _time, _random) = (options, log, time ?? TimeProvider.System, random ?? Random.Shared.NextDouble);
        DownloadRate rate = new(() => _options.MaxMegabytesPerSecond * 1_000_000L, _time);
        _download = download ?? ((readers, cancellation) => new BackgroundDownload(readers, rate, _time).RunAsync(cancellation));
    }

    /// <summary>Other values hold: turned off, the download that is under way ends; turned on, those that wait go on.</summary>
    public void Apply(BackgroundOptions changed)
    {
        TaskCompletionSource turnedOn;
        lock (_gate)
        {
            _options = changed;
            if (!changed.IsOn)
            {
                _underWay?.Cancel();
                return;
            }

            (turnedOn, _turnedOn) = (_turnedOn, NewSignal());
        }

        turnedOn.SetResult();
    }

    /// <summary>An image is open. It ends by itself when that is closed.</summary>
    /// <param name="readers">Of the image.</param>
    public void Begin(string image, IReadOnlyCollection<BlobReader> readers) => _ = Task.Run(() => RunAsync(image, readers));

    /// <summary>Ends all. What is under way is for whoever closes the images.</summary>
    public void Dispose() => _over.Cancel();

    private async Task RunAsync(string image, IReadOnlyCollection<BlobReader> readers)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource([_over.Token, .. readers.Select(reader => reader.Closing)]);
        try
        {
            // Not at once: the start comes first; and nodes that start the same at one time do not go on at one time.
            await Task.Delay(_options.Delay * (1 + _random()), _time, over.Token);
            for (TimeSpan retry = FirstRetry; ; retry = TimeSpan.FromTicks(Math.Min(2 * retry.Ticks, LastRetry.Ticks)))
            {
                Task turnedOn = Volatile.Read(ref _turnedOn).Task;
                if (await TakeTurnAsync(image, readers) is DownloadEnd.Complete or DownloadEnd.Closed) return;
                await turnedOn.WaitAsync(retry, _time, over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                over.Token.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops, or the image is closed.
        }
        catch (Exception defect)
        {
            _log($"{image}: downloading the rest in the background has met a defect: {defect}");
        }
    }

    private async Task<DownloadEnd> TakeTurnAsync(string image, IReadOnlyCollection<BlobReader> readers)
    {
        await _turn.WaitAsync(_over.Token);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_over.Token);
        try
        {
            lock (_gate)
            {
                if (!_options.IsOn) return DownloadEnd.Failed;
                _underWay = stop;
            }

            bool wasHere = readers.All(reader => reader.Holds(0, reader.Format.Length));
            DownloadEnd end = await _download(readers, stop.Token);
            if (end == DownloadEnd.Complete && !wasHere) _log($"{image}: all of it is here, and it needs no registry any more");
            return end;
        }
        catch (OperationCanceledException) when (!_over.IsCancellationRequested)
        {
            return DownloadEnd.Failed; // turned off
        }
        finally
        {
            lock (_gate) _underWay = null;
            _turn.Release();
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
