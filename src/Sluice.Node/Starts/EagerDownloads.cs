using Microsoft.Extensions.Logging;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Fetching;

namespace Sluice.Node.Starts;

/// <summary>Downloads of whole images that began with their pull. Nobody waits for them, and nothing fails with them: what does not come so is fetched when it is read.</summary>
internal sealed partial class EagerDownloads(ILogger logger) : IAsyncDisposable
{
    private readonly Dictionary<Digest, (Task Work, CancellationTokenSource End)> _running = [];
    private bool _isOver;

    /// <summary>Begins one, unless the image has one under way.</summary>
    /// <param name="image">Its name.</param>
    /// <param name="download">May decide that there is nothing to do: null.</param>
    public void Begin(Digest manifest, string image, Func<CancellationToken, Task<DownloadEnd?>> download)
    {
        lock (_running)
        {
            if (_isOver || _running.ContainsKey(manifest)) return;
            CancellationTokenSource end = new();
            _running[manifest] = (Task.Run(() => RunAsync(manifest, image, download, end.Token)), end);
        }
    }

    /// <summary>Ends that of an image, if it has one.</summary>
    public async Task EndAsync(Digest manifest)
    {
        (Task Work, CancellationTokenSource End) running;
        lock (_running)
        {
            if (!_running.TryGetValue(manifest, out running)) return;
        }

        await running.End.CancelAsync();
        await running.Work;
    }

    public async ValueTask DisposeAsync()
    {
        (Task Work, CancellationTokenSource End)[] all;
        lock (_running) (all, _isOver) = ([.. _running.Values], true);
        foreach ((_, CancellationTokenSource end) in all) await end.CancelAsync();
        await Task.WhenAll(all.Select(running => running.Work));
    }

    private async Task RunAsync(Digest manifest, string image, Func<CancellationToken, Task<DownloadEnd?>> download, CancellationToken cancellation)
    {
        try
        {
            switch (await download(cancellation))
            {
                case DownloadEnd.Complete:
                    Log.Complete(logger, image);
                    break;
                case DownloadEnd.NoRoom:
                    Log.Incomplete(logger, image, "the cache has no room for the rest");
                    break;
                case DownloadEnd.Failed:
                    Log.Incomplete(logger, image, "parts of it could not be had or kept");
                    break;
            }
        }
        catch (OperationCanceledException)
        {
            // The image is released, or the node stops.
        }
        catch (SluiceException exception)
        {
            Log.Incomplete(logger, image, exception.Message);
        }
        catch (Exception defect)
        {
            Log.Defect(logger, image, defect);
        }
        finally
        {
            lock (_running) _running.Remove(manifest);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(160, LogLevel.Information, "{Image}: downloaded whole with its pull; it needs no registry any more")]
        public static partial void Complete(ILogger logger, string image);

        [LoggerMessage(161, LogLevel.Warning, "{Image}: was to be downloaded whole with its pull, and is not: {Reason}; what is missing is fetched when it is read")]
        public static partial void Incomplete(ILogger logger, string image, string reason);

        [LoggerMessage(162, LogLevel.Error, "{Image}: its download met a defect")]
        public static partial void Defect(ILogger logger, string image, Exception defect);
    }
}
