using Sluice.Formats.Oci;

namespace Sluice.Node.Starts;

/// <summary>Images that are pulled and not mounted yet, with what their start will read on its way. All members may be called concurrently.</summary>
internal sealed class PulledStarts : IAsyncDisposable
{
    private readonly Dictionary<Digest, StartAhead> _coming = [];
    private bool _isOver;

    /// <summary>Begins, unless that was done for the image.</summary>
    public void Begin(Digest manifest, Func<StartAhead> begin)
    {
        lock (_coming)
        {
            if (!_isOver && !_coming.ContainsKey(manifest)) _coming[manifest] = begin();
        }
    }

    /// <summary>The image is mounted: what goes on is the caller's, who ends it. Null: nothing was begun.</summary>
    public StartAhead? Take(Digest manifest)
    {
        lock (_coming) return _coming.Remove(manifest, out StartAhead? ahead) ? ahead : null;
    }

    /// <summary>The image has gone.</summary>
    public async Task EndAsync(Digest manifest)
    {
        if (Take(manifest) is { } ahead) await ahead.EndAsync();
    }

    public async ValueTask DisposeAsync()
    {
        StartAhead[] all;
        lock (_coming) (all, _isOver) = ([.. _coming.Values], true);
        await Task.WhenAll(all.Select(ahead => ahead.EndAsync()));
    }
}
