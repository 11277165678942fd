using Microsoft.Extensions.Logging;
using Sluice.Formats.Oci;
using Sluice.Storage.Activity;
using Sluice.Storage.Fetching;
using Sluice.Storage.Traces;

namespace Sluice.Node.Starts;

/// <summary>
/// A start of an image that goes on: what an earlier start has read is fetched ahead, and what this one reads is noted for the next. It is over when nothing new was read for a while,
/// or it takes too long. Disposing ends it early; the readers may be disposed afterwards.
/// </summary>
internal sealed partial class ImageStart : IAsyncDisposable
{
    /// <summary>Without a new chunk so long, the container has started.</summary>
    private static readonly TimeSpan IdleAfter = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _prefetch;
    private readonly Task _watch;
    private readonly ILogger _logger;

    /// <param name="known">Of an earlier start; null: there was none.</param>
    /// <param name="readers">Of the image, by blob.</param>
    /// <param name="save">Takes what was read, for the next start.</param>
    public ImageStart(Digest manifest, ImageActivity activity, StartTrace? known, IReadOnlyDictionary<Digest, BlobReader> readers, Func<StartTrace, bool> save, ILogger logger)
    {
        _logger = logger;
        TraceRecorder recorder = new();
        activity.Recorder = recorder;
        PrefetchRun? run = known is null ? null : new PrefetchRun(PrefetchPlan.Of(known), readers);
        _prefetch = run is null ? Task.CompletedTask : Task.Run(() => PrefetchAsync(run, activity.Name));
        _watch = Task.Run(() => WatchAsync(manifest, activity, recorder, run, known, save));
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_prefetch, _watch);
        _stopping.Dispose();
    }

    private async Task PrefetchAsync(PrefetchRun run, string image)
    {
        try
        {
            await run.RunAsync(_stopping.Token);
            Log.Prefetched(_logger, image, run.Bytes, run.Failed);
        }
        catch (OperationCanceledException)
        {
            // The image is unmounted.
        }
    }

    private async Task WatchAsync(Digest manifest, ImageActivity activity, TraceRecorder recorder, PrefetchRun? run, StartTrace? known, Func<StartTrace, bool> save)
    {
        while (!_stopping.IsCancellationRequested && recorder.Age < Longest && !recorder.IsFull && !(recorder.Idle > IdleAfter))
            await Task.Delay(Interval, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        activity.Recorder = null;
        StartTrace trace = new(manifest, recorder.Reads());

        // Where the page cache, or the kernel itself, has answered, little comes here: that says nothing about a cold start.
        if (trace.Reads.Count == 0 || (known is not null && trace.Bytes < known.Bytes / 2)) return;
        if (save(trace)) Log.Recorded(_logger, activity.Name, trace.Reads.Count, trace.Bytes, run?.Unread(recorder) ?? 0);
    }

    private static partial class Log
    {
        [LoggerMessage(150, LogLevel.Debug, "Fetched {Bytes} bytes of {Image} ahead of its start; {Failed} ranges could not be had")]
        public static partial void Prefetched(ILogger logger, string image, long bytes, long failed);

        [LoggerMessage(151, LogLevel.Debug, "Noted the start of {Image}: {Chunks} chunks, {Bytes} bytes; {Unread} bytes that were fetched ahead were not read")]
        public static partial void Recorded(ILogger logger, string image, int chunks, long bytes, long unread);
    }
}
