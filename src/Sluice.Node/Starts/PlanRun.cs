using Microsoft.Extensions.Logging;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Fetching;
using Sluice.Storage.Traces;

namespace Sluice.Node.Starts;

/// <summary>Fetches what an earlier start of an image has read, before this one asks for it. Nobody waits for it, and nothing fails with it.</summary>
internal sealed partial class PlanRun
{
    private readonly Func<Task> _cancel;
    private readonly Task<IReadOnlyList<PrefetchRun>> _work;
    private readonly Lock _gate = new();
    private StartTrace? _found, _narrowed;
    private PrefetchRun? _run;

    private PlanRun(Func<PlanRun, CancellationToken, Task<IReadOnlyList<PrefetchRun>>> work)
    {
        CancellationTokenSource end = new(); // with no timer and no link it has nothing to dispose of
        _cancel = end.CancelAsync;
        _work = Task.Run(() => work(this, end.Token));
    }

    /// <summary>The trace that it follows; null: there was none, or it is not known yet.</summary>
    public StartTrace? Found => Volatile.Read(ref _found);

    /// <param name="image">Its name.</param>
    /// <param name="find">The trace to follow; null: there is none.</param>
    /// <param name="fetch">Runs a plan on the image's blobs.</param>
    /// <param name="former">What this one goes on with, and ends first; null: nothing.</param>
    public static PlanRun Begin(string image, Func<CancellationToken, Task<StartTrace?>> find, Func<PrefetchRun, CancellationToken, Task> fetch, PlanRun? former, ILogger logger) => new(async (self, end) =>
    {
        List<PrefetchRun> runs = former is null ? [] : [.. await former.EndAsync()];
        try
        {
            if (await find(end).WaitAsync(end) is not { } trace) return runs;
            Volatile.Write(ref self._found, trace);
            PrefetchRun run = self.RunOf(trace, runs.LastOrDefault());
            runs.Add(run);
            try
            {
                await fetch(run, end);
            }
            finally
            {
                if (run.LeftOut > 0 && runs.Count == 1) Log.Stale(logger, image, run.LeftOut);
            }

            Log.Fetched(logger, image, run.Bytes, run.Failed);
        }
        catch (OperationCanceledException)
        {
            // The start is over, or the image is released.
        }
        catch (SluiceException failed)
        {
            Log.Failed(logger, image, failed.Message);
        }
        catch (Exception defect)
        {
            Log.Defect(logger, image, defect);
        }

        return runs;
    });

    /// <summary>More is known of the start: this is followed in place of what was found, of which nothing more is begun.</summary>
    public void Narrow(StartTrace trace)
    {
        lock (_gate)
        {
            _narrowed = trace;
            _run?.Follow(PrefetchPlan.Of(trace));
        }
    }

    /// <summary>Ends it. Afterwards nothing is under way.</summary>
    /// <returns>What was fetched, to be asked what has come of it; empty: there was no trace.</returns>
    public async Task<IReadOnlyList<PrefetchRun>> EndAsync()
    {
        await _cancel();
        return await _work;
    }

    private PrefetchRun RunOf(StartTrace found, PrefetchRun? former)
    {
        lock (_gate) return _run = new PrefetchRun(PrefetchPlan.Of(_narrowed ?? found), former);
    }

    private static partial class Log
    {
        [LoggerMessage(150, LogLevel.Debug, "Fetched {Bytes} bytes of {Image} ahead of its start; {Failed} ranges could not be had")]
        public static partial void Fetched(ILogger logger, string image, long bytes, long failed);

        [LoggerMessage(153, LogLevel.Debug, "Not everything that the start of {Image} will read is fetched ahead: {Reason}")]
        public static partial void Failed(ILogger logger, string image, string reason);

        [LoggerMessage(156, LogLevel.Warning, "{Ranges} ranges of what is fetched ahead for the start of {Image} are left out: the image has no such blobs, or they are shorter; its trace is of another image, or made by hand")]
        public static partial void Stale(ILogger logger, string image, int ranges);

        [LoggerMessage(154, LogLevel.Error, "Fetching {Image} ahead of its start met a defect")]
        public static partial void Defect(ILogger logger, string image, Exception exception);
    }
}
