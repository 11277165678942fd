using Microsoft.Extensions.Logging;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Fetching;
using Sluice.Storage.Traces;

namespace Sluice.Node.Starts;

/// <summary>What an earlier start of an image has read, on its way here before this one asks for it. Nobody waits for it, and nothing fails with it.</summary>
internal sealed partial class StartAhead
{
    private readonly CancellationTokenSource _end = new();
    private readonly Task<PrefetchRun?> _work;

    private StartAhead(Func<CancellationToken, Task<PrefetchRun?>> work) => _work = Task.Run(() => work(_end.Token));

    /// <param name="image">Its name.</param>
    /// <param name="coming">Of the earlier start; null: there was none.</param>
    /// <param name="open">Lends the image's readers, by blob, while what it is given runs.</param>
    /// <param name="rate">Of what is fetched ahead.</param>
    public static StartAhead Begin(string image, Task<StartTrace?> coming, LendReaders open, DownloadRate rate, ILogger logger) => new(async end =>
    {
        PrefetchRun? run = null;
        try
        {
            if (await coming.WaitAsync(end) is not { } known) return null;
            await open(readers => (run = new PrefetchRun(PrefetchPlan.Of(known), readers, rate)).RunAsync(end), end);
        }
        catch (OperationCanceledException)
        {
            // The start is over, or the image is released.
        }
        catch (SluiceException failed)
        {
            Log.Failed(logger, image, failed.Message); // whoever mounts it meets the same
        }
        catch (Exception defect)
        {
            Log.Defect(logger, image, defect);
        }

        if (run is not null) Log.Fetched(logger, image, run.Bytes, run.Failed);
        return run;
    });

    /// <summary>Ends it. Afterwards nothing is under way, and it may be asked what has come of it; null: nothing was known.</summary>
    public async Task<PrefetchRun?> EndAsync()
    {
        await _end.CancelAsync();
        return await _work;
    }

    private static partial class Log
    {
        [LoggerMessage(150, LogLevel.Debug, "Fetched {Bytes} bytes of {Image} ahead of its start; {Failed} ranges could not be had")]
        public static partial void Fetched(ILogger logger, string image, long bytes, long failed);

        [LoggerMessage(153, LogLevel.Debug, "Nothing of {Image} is fetched ahead of its start: {Reason}")]
        public static partial void Failed(ILogger logger, string image, string reason);

        [LoggerMessage(154, LogLevel.Error, "Fetching {Image} ahead of its start met a defect")]
        public static partial void Defect(ILogger logger, string image, Exception exception);
    }
}

/// <param name="use">Gets readers of an image by blob, which are closed when it has ended.</param>
internal delegate Task LendReaders(Func<IReadOnlyDictionary<Digest, BlobReader>, Task> use, CancellationToken cancellation);
