using Microsoft.Extensions.Logging;
using Sluice.Formats.Oci;
using Sluice.Storage.Activity;
using Sluice.Storage.Fetching;
using Sluice.Storage.Traces;

namespace Sluice.Node.Starts;

/// <summary>
/// A start of an image that goes on: what an earlier start has read comes ahead, and what this one reads is noted for the next. It is over when nothing new was read for a while,
/// or it takes too long. Disposing ends it early; the readers may be disposed afterwards.
/// </summary>
internal sealed partial class ImageStart : IAsyncDisposable
{
    /// <summary>Without a new chunk so long, the container has started.</summary>
    private static readonly TimeSpan IdleAfter = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>containerd is asked for the command soon, as what other commands read is fetched until then, and then less and less often.</summary>
    private static readonly TimeSpan FirstQuestion = TimeSpan.FromMilliseconds(50);

    /// <summary>So often it is asked: a container that is not there after ten seconds is another one.</summary>
    private const int MostQuestions = 22;

    private readonly CancellationTokenSource _over = new();
    private readonly Task _work;
    private readonly ILogger _logger;
    private readonly string _image;
    private readonly Func<StartTrace, bool> _save;
    private readonly bool _isWarm;
    private volatile bool _isWanted;
    private volatile bool _isOver;
    private StartTrace? _unsaved; // until somebody asks for it

    /// <param name="plan">Followed for this start, and ended with it.</param>
    /// <param name="readers">Of the image, by blob.</param>
    /// <param name="findCommand">Asks with what the container was started; null: not known yet.</param>
    /// <param name="keeps">Told what was read when it is over; true: that is to be kept also if nobody asks for it.</param>
    /// <param name="save">Takes what was read, for the next start; true: it keeps that. Lives as long as the mount.</param>
    /// <param name="isWarm">The kernel has what earlier containers of this mount have read: perhaps nothing is read at all.</param>
    public ImageStart(
        Digest manifest, ImageActivity activity, PlanRun plan, IReadOnlyDictionary<Digest, BlobReader> readers, Func<CancellationToken, Task<StartCommand?>> findCommand,
        Func<StartTrace, bool> keeps, Func<StartTrace, bool> save, ILogger logger, bool isWarm = false)
    {
        (_logger, _image, _save, _isWarm) = (logger, activity.Name, save, isWarm);
        TraceRecorder recorder = new(origins: activity.Origins ??= new ChunkOrigins());
        activity.Recorder = recorder;
        _work = Task.Run(() => RunAsync(manifest, activity, recorder, plan, readers, findCommand, keeps));
    }

    /// <summary>Nothing is noted for it any more, and nothing fetched: another one may begin.</summary>
    public bool IsOver => _isOver;

    /// <summary>Waits until it is over; what it read is kept then, whatever policy says.</summary>
    /// <param name="now">It is over at once: it has come to what was waited for.</param>
    public async Task EndAsync(bool now, CancellationToken cancellation)
    {
        _isWanted = true;
        await WaitAsync(now, cancellation);
        if (Interlocked.Exchange(ref _unsaved, null) is { } trace) Save(trace);
    }

    public async ValueTask DisposeAsync()
    {
        await WaitAsync(now: true, CancellationToken.None);
        _over.Dispose();
    }

    private async Task WaitAsync(bool now, CancellationToken cancellation)
    {
        if (now && !_work.IsCompleted) await _over.CancelAsync();
        await _work.WaitAsync(cancellation);
    }

    /// <summary>Never faults: a start goes on without.</summary>
    private async Task RunAsync(
        Digest manifest, ImageActivity activity, TraceRecorder recorder, PlanRun plan, IReadOnlyDictionary<Digest, BlobReader> readers, Func<CancellationToken, Task<StartCommand?>> findCommand, Func<StartTrace, bool> keeps)
    {
        try
        {
            Task<StartCommand?> command = FindCommandAsync(findCommand);
            while (!_over.IsCancellationRequested && recorder.Age < Longest && !recorder.IsFull && !(IdleOf(recorder) > IdleAfter))
                await Task.Delay(Interval, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            StopNoting(activity, recorder);
            await _over.CancelAsync();
            IReadOnlyList<PrefetchRun> runs = await plan.EndAsync(); // what has not come by now is not needed for this start
            PrefetchOutcome? ahead = runs.Count == 0 ? null : PrefetchRun.OutcomeOf(runs, recorder, readers);
            if (!_isWarm) activity.Ahead = ahead; // what is said of the mount's first start stays
            StartTrace trace = new(manifest, recorder.Reads()) { Ahead = ahead, Command = await command, IsWarm = _isWarm };
            _isOver = true;
            if (keeps(trace) || _isWanted) Save(trace);
            else Volatile.Write(ref _unsaved, trace);
        }
        catch (Exception exception)
        {
            StopNoting(activity, recorder);
            Log.Defect(_logger, _image, exception);
        }

        _isOver = true;
        recorder.End();
    }

    /// <summary>A first start is waited for until it reads.</summary>
    private TimeSpan? IdleOf(TraceRecorder recorder) => recorder.Idle ?? (_isWarm ? recorder.Age : null);

    /// <summary>Unless another start has taken over.</summary>
    private static void StopNoting(ImageActivity activity, TraceRecorder recorder)
    {
        if (activity.Recorder == recorder) (activity.Recorder, activity.Origins) = (null, null);
    }

    private void Save(StartTrace trace)
    {
        if (_save(trace)) Log.Recorded(_logger, _image, trace.Reads.Count, trace.Bytes, trace.Ahead?.Unread ?? 0);
    }

    /// <summary>Asks until somebody knows, or the start is over.</summary>
    private async Task<StartCommand?> FindCommandAsync(Func<CancellationToken, Task<StartCommand?>> find)
    {
        try
        {
            TimeSpan pause = FirstQuestion;
            for (int attempt = 0; attempt < MostQuestions; attempt++)
            {
                if (await find(_over.Token) is { } command) return command;
                await Task.Delay(pause, _over.Token);
                pause = TimeSpan.FromTicks(Math.Min(2 * pause.Ticks, Interval.Ticks));
            }
        }
        catch (OperationCanceledException)
        {
            // It is over.
        }

        return null;
    }

    private static partial class Log
    {
        [LoggerMessage(151, LogLevel.Debug, "Noted the start of {Image}: {Chunks} chunks, {Bytes} bytes; {Unread} bytes that were fetched ahead were not read")]
        public static partial void Recorded(ILogger logger, string image, int chunks, long bytes, long unread);

        [LoggerMessage(152, LogLevel.Error, "The start of {Image} can't be followed")]
        public static partial void Defect(ILogger logger, string image, Exception exception);
    }
}
