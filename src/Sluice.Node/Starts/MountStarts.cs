namespace Sluice.Node.Starts;

/// <summary>Starts of the containers that share a mount, one after the other: while one goes on, no other begins. All members may be called concurrently.</summary>
/// <param name="begin">Begins one; told whether it is the first of the mount. Of the others the kernel has in its page cache what those before have read.</param>
internal sealed class MountStarts(Func<bool, ImageStart> begin) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private ImageStart? _latest;
    private bool _isOver;

    /// <summary>The start that goes on, or the last one; null: there was none.</summary>
    public ImageStart? Latest
    {
        get
        {
            lock (_gate) return _latest;
        }
    }

    /// <summary>A container is about to start. Returns at once, and does nothing while an earlier start goes on.</summary>
    public void Begin()
    {
        lock (_gate)
        {
            if (!_isOver && (_latest is null || _latest.IsOver)) _latest = begin(_latest is null);
        }
    }

    /// <summary>Ends the one that goes on; no other begins.</summary>
    public async ValueTask DisposeAsync()
    {
        ImageStart? latest;
        lock (_gate) (latest, _isOver) = (_latest, true);
        if (latest is not null) await latest.DisposeAsync();
    }
}
