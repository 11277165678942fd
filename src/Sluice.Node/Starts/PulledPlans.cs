using Sluice.Formats.Oci;
using Sluice.Storage.Fetching;
using Sluice.Storage.Traces;

namespace Sluice.Node.Starts;

/// <summary>
/// Plans of images that are pulled and not mounted yet. Perhaps nobody ever starts them: so only <see cref="MostAtOnce"/> are followed at a time, and nothing is evicted for them. All members may be called concurrently.
/// </summary>
internal sealed class PulledPlans : IAsyncDisposable
{
    private const int MostAtOnce = 2;

    /// <summary>As long the image's blobs stay open afterwards: a start that comes by then reads what is checked, and not evicted.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromMinutes(2);

    private readonly Dictionary<Digest, PlanRun> _running = [];
    private readonly HashSet<Digest> _mounted = [];
    private readonly SemaphoreSlim _places = new(MostAtOnce);
    private bool _isOver;

    /// <summary>Begins, unless that was done for the image, or it is mounted.</summary>
    public void Begin(Digest manifest, Func<PlanRun> begin)
    {
        lock (_running)
        {
            if (!_isOver && !_mounted.Contains(manifest) && !_running.ContainsKey(manifest)) _running[manifest] = begin();
        }
    }

    /// <summary>Follows a plan when its turn comes.</summary>
    /// <param name="readers">Of the image, by blob.</param>
    public async Task FollowAsync(PrefetchRun run, IReadOnlyDictionary<Digest, BlobReader> readers, DownloadRate rate, CancellationToken cancellation)
    {
        await _places.WaitAsync(cancellation);
        try
        {
            await run.RunAsync(readers, rate, mayEvict: false, cancellation);
        }
        finally
        {
            _places.Release();
        }

        await Task.Delay(Kept, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>The image is about to be mounted: what goes on is the caller's, who ends it. Null: nothing was begun.</summary>
    public PlanRun? Take(Digest manifest)
    {
        lock (_running)
        {
            _mounted.Add(manifest);
            return _running.Remove(manifest, out PlanRun? run) ? run : null;
        }
    }

    /// <summary>The image has gone.</summary>
    public async Task ForgetAsync(Digest manifest)
    {
        PlanRun? run;
        lock (_running)
        {
            _mounted.Remove(manifest);
            _running.Remove(manifest, out run);
        }

        if (run is not null) await run.EndAsync();
    }

    public async ValueTask DisposeAsync()
    {
        PlanRun[] all;
        lock (_running) (all, _isOver) = ([.. _running.Values], true);
        await Task.WhenAll(all.Select(run => run.EndAsync()));
    }
}
