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
    private readonly Task<(StartTrace Known, PrefetchRun Run)?> _prefetch;
    private readonly Task _watch;
    private readonly ILogger _logger;

    /// <param name="coming">Of an earlier start; null: there was none.</param>
    /// <param name="readers">Of the image, by blob.</param>
    /// <param name="save">Takes what was read, for the next start.</param>
    public ImageStart(Digest manifest, ImageActivity activity, Task<StartTrace?> coming, IReadOnlyDictionary<Digest, BlobReader> readers, Func<StartTrace, bool> save, ILogger logger)
    {
        _logger = logger;
        TraceRecorder recorder = new();
        activity.Recorder = recorder;
        _prefetch = Task.Run(() => PrefetchAsync(coming, readers, activity.Name));
        _watch = Task.Run(() => WatchAsync(manifest, activity, recorder, save));
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_prefetch, _watch);
        _stopping.Dispose();
    }

    /// <summary>What was known, and its run; null: nothing was, or the image was unmounted first.</summary>
    private async Task<(StartTrace Known, PrefetchRun Run)?> PrefetchAsync(Task<StartTrace?> coming, IReadOnlyDictionary<Digest, BlobReader> readers, string image)
    {
        try
        {
            if (await coming.WaitAsync(_stopping.Token) is not { } known) return null;
            PrefetchRun run = new(PrefetchPlan.Of(known), readers);
            await run.RunAsync(_stopping.Token);
            Log.Prefetched(_logger, image, run.Bytes, run.Failed);
            return (known, run);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private async Task WatchAsync(Digest manifest, ImageActivity activity, TraceRecorder recorder, Func<StartTrace, bool> save)
    {
        while (!_stopping.IsCancellationRequested && recorder.Age < Longest && !recorder.IsFull && !(recorder.Idle > IdleAfter))
            await Task.Delay(Interval, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        activity.Recorder = null;
        StartTrace trace = new(manifest, recorder.Reads());
        (StartTrace Known, PrefetchRun Run)? before = await _prefetch;

        // Where the page cache, or the kernel itself, has answered, little comes here: that says nothing about a cold start.
        if (trace.Reads.Count == 0 || (before is { } earlier && trace.Bytes < earlier.Known.Bytes / 2)) return;
        if (save(trace)) Log.Recorded(_logger, activity.Name, trace.Reads.Count, trace.Bytes, before?.Run.Unread(recorder) ?? 0);
    }

    private static partial class Log
    {
        [LoggerMessage(150, LogLevel.Debug, "Fetched {Bytes} bytes of {Image} ahead of its start; {Failed} ranges could not be had")]
        public static partial void Prefetched(ILogger logger, string image, long bytes, long failed);

        [LoggerMessage(151, LogLevel.Debug, "Noted the start of {Image}: {Chunks} chunks, {Bytes} bytes; {Unread} bytes that were fetched ahead were not read")]
        public static partial void Recorded(ILogger logger, string image, int chunks, long bytes, long unread);
    }
}
