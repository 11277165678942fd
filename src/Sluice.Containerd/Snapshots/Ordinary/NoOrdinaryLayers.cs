namespace Sluice.Containerd.Snapshots.Ordinary;

/// <summary>All ordinary layers are left to containerd.</summary>
public sealed class NoOrdinaryLayers : IOrdinaryLayers
{
    public Task<IOrdinaryLayer?> FindAsync(IReadOnlyDictionary<string, string> labels, CancellationToken cancellation) => Task.FromResult<IOrdinaryLayer?>(null);
}
