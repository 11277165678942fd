using System.Collections.Concurrent;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Storage.Traces;

namespace Sluice.Node.Starts;

/// <summary>
/// Which trace there is for an image: the node's own, or else what lies beside the image in its registry, for which is asked when the image is pulled. Nobody waits for that, and nothing fails with it.
/// </summary>
internal sealed class StartTraces(TraceStore own)
{
    /// <summary>A registry that takes longer is not waited for: by then the start is over.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<Digest, Task<StartTrace?>> _coming = [];

    /// <summary>The image is pulled: asks where it comes from, if nothing is known yet.</summary>
    /// <param name="open">Opens that place.</param>
    public void Expect(Digest manifest, Func<IImageStore> open, CancellationToken cancellation)
    {
        if (own.Load(manifest) is null) _ = _coming.GetOrAdd(manifest, _ => Task.Run(() => AskAsync(manifest, open, cancellation), CancellationToken.None));
    }

    /// <summary>The trace of an image, or null; never faults.</summary>
    public Task<StartTrace?> FindAsync(Digest manifest) =>
        own.Load(manifest) is { } here ? Task.FromResult<StartTrace?>(here) : _coming.TryGetValue(manifest, out Task<StartTrace?>? coming) ? coming : Task.FromResult<StartTrace?>(null);

    /// <summary>The image has gone from this node.</summary>
    public void Forget(Digest manifest) => _coming.TryRemove(manifest, out _);

    /// <inheritdoc cref="TraceStore.TrySave"/>
    public bool TrySave(StartTrace trace) => own.TrySave(trace);

    private static async Task<StartTrace?> AskAsync(Digest manifest, Func<IImageStore> open, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            await using IImageStore store = open();
            return await TraceArtifacts.FindAsync(store, manifest, limit.Token);
        }
        catch (Exception exception) when (exception is SluiceException or OperationCanceledException or IOException)
        {
            return null; // the start goes without
        }
    }
}
