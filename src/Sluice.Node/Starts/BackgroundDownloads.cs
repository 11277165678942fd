using Sluice.Node.Configuration;
using Sluice.Storage.Fetching;

namespace Sluice.Node.Starts;

/// <summary>
/// Brings here what images that are in use still lack, one image after the other, when their containers have started: then they need no registry. What can't be had now is tried again
/// later, what there is no room for, too.
/// </summary>
/// <param name="options">Those that hold now.</param>
internal sealed class BackgroundDownloads(Func<BackgroundOptions> options, Action<string> log) : IDisposable
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LastRetry = TimeSpan.FromMinutes(15);

    private readonly DownloadRate _rate = new(() => options().MaxMegabytesPerSecond * 1_000_000L);
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _over = new();

    /// <summary>An image is open. It ends by itself when that is closed.</summary>
    /// <param name="readers">Of the image.</param>
    public void Begin(string image, IReadOnlyCollection<BlobReader> readers) => _ = Task.Run(() => RunAsync(image, readers));

    /// <summary>Ends all. What is under way is for whoever closes the images.</summary>
    public void Dispose() => _over.Cancel();

    private async Task RunAsync(string image, IReadOnlyCollection<BlobReader> readers)
    {
        try
        {
            // Not at once: the start comes first; and nodes that start the same at one time do not go on at one time.
            await Task.Delay(options().Delay * (1 + Random.Shared.NextDouble()), _over.Token);
            for (TimeSpan retry = FirstRetry; ; retry = TimeSpan.FromTicks(Math.Min(2 * retry.Ticks, LastRetry.Ticks)))
            {
                DownloadEnd end = options().IsOn ? await TakeTurnAsync(image, readers) : DownloadEnd.Failed;
                if (end is DownloadEnd.Complete or DownloadEnd.Closed) return;
                await Task.Delay(retry, _over.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
        catch (Exception defect)
        {
            log($"{image}: downloading the rest in the background has met a defect: {defect}");
        }
    }

    private async Task<DownloadEnd> TakeTurnAsync(string image, IReadOnlyCollection<BlobReader> readers)
    {
        await _turn.WaitAsync(_over.Token);
        try
        {
            bool wasHere = readers.All(reader => reader.Holds(0, reader.Format.Length));
            DownloadEnd end = await new BackgroundDownload(readers, _rate).RunAsync(_over.Token);
            if (end == DownloadEnd.Complete && !wasHere) log($"{image}: all of it is here, and it needs no registry any more");
            return end;
        }
        finally
        {
            _turn.Release();
        }
    }
}
