using System.Collections.Concurrent;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Storage.Traces;

namespace Sluice.Node.Starts;

/// <summary>
/// Which trace there is for an image: the node's own, or else what lies beside the image in its registry, for which is asked when the image is pulled, or else what the image says itself. Nobody waits for that, and nothing fails with it.
/// </summary>
/// <param name="warn">Told of traces that are damaged, or of something else, and so count as none.</param>
internal sealed class StartTraces(TraceStore own, Action<string>? warn = null)
{
    /// <summary>A registry that takes longer is not waited for: by then the start is over.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>So many starts in a row that read much less than the own trace show that this one was of something unusual.</summary>
    private const int MostShortStarts = 3;

    private readonly ConcurrentDictionary<Digest, Task<StartTrace?>> _coming = [];
    private readonly ConcurrentDictionary<(Digest Manifest, string? Command), int> _shortStarts = [];
    private long _prefetched, _unread;

    /// <summary>Of all starts that are over.</summary>
    public PrefetchOutcome Ahead => new(Volatile.Read(ref _prefetched), Volatile.Read(ref _unread));

    /// <summary>The image is pulled: asks where it comes from, if nothing is known yet.</summary>
    /// <param name="open">Opens that place.</param>
    public void Expect(Digest manifest, Func<IImageStore> open, CancellationToken cancellation)
    {
        if (own.Load(manifest).Count == 0) _ = _coming.GetOrAdd(manifest, _ => Task.Run(() => AskAsync(manifest, open, cancellation), CancellationToken.None));
    }

    /// <summary>What the next start of an image probably reads, or null; never faults. With which command that will be nobody knows yet: it may be any of those that were seen, the latest first.</summary>
    /// <param name="included">Finds what the image says itself. It counts for less than what a node has seen.</param>
    /// <param name="waits">True: there is time to wait for the registry. False: the image's own comes first if the registry has not answered yet.</param>
    public async Task<StartTrace?> FindAsync(Digest manifest, Func<Task<StartTrace?>>? included = null, bool waits = false)
    {
        if (StartTrace.Follow(own.Load(manifest)) is { } here) return here;
        _coming.TryGetValue(manifest, out Task<StartTrace?>? coming);
        if (coming is not null && (waits || coming.IsCompleted) && await coming is { } beside) return beside;
        if (included is not null && await included() is { } inside) return inside;
        return coming is null ? null : await coming;
    }

    /// <summary>
    /// What a start with a command probably reads; null: none with that command was seen here. If the only one was warm, what the others read comes behind it: some of that the kernel had.
    /// </summary>
    public StartTrace? FindOf(Digest manifest, StartCommand command)
    {
        IReadOnlyList<StartTrace> all = own.Load(manifest);
        StartTrace? its = all.FirstOrDefault(trace => trace.Command?.Id == command.Id);
        return its is { IsWarm: true } ? StartTrace.Follow([its, .. all.Where(trace => trace != its)]) : its;
    }

    /// <summary>Of the latest start here, a cold one if there is any, or what is beside the image; null: neither.</summary>
    public async Task<StartTrace?> LatestAsync(Digest manifest) => own.Load(manifest).OrderBy(trace => trace.IsWarm).FirstOrDefault() ?? await FindAsync(manifest);

    /// <summary>The same, and where nothing is known it asks where the image comes from, for this once.</summary>
    /// <inheritdoc cref="Expect"/>
    public async Task<StartTrace?> LookUpAsync(Digest manifest, Func<IImageStore> open, CancellationToken cancellation) =>
        await FindAsync(manifest).WaitAsync(cancellation) ?? await AskAsync(manifest, open, cancellation);

    /// <summary>The image has gone from this node.</summary>
    public void Forget(Digest manifest)
    {
        _coming.TryRemove(manifest, out _);
        foreach ((Digest, string?) start in _shortStarts.Keys.Where(start => start.Manifest == manifest).ToArray()) _shortStarts.TryRemove(start, out _);
    }

    /// <summary>A start is over.</summary>
    public void Count(StartTrace trace)
    {
        Interlocked.Add(ref _prefetched, trace.Ahead?.Fetched ?? 0);
        Interlocked.Add(ref _unread, trace.Ahead?.Unread ?? 0);
    }

    /// <summary>
    /// Keeps the trace of a start. False if nothing was read, or if it says much less than the node's own of the same command: where the page cache, or the kernel itself, has answered, little comes here, and that says nothing about a
    /// cold start. Or if the disk does not take it.
    /// </summary>
    public bool TrySave(StartTrace trace)
    {
        if (trace.Reads.Count == 0) return false;
        IReadOnlyList<StartTrace> all = own.Load(trace.Manifest);
        StartTrace? known = all.FirstOrDefault(known => known.Command?.Id == trace.Command?.Id);
        if (trace.IsWarm) return IsOfUse(trace, known, all.Count) && TryKeep(trace);
        if (known is { IsWarm: false } && trace.Bytes < known.Bytes / 2 && _shortStarts.AddOrUpdate((trace.Manifest, trace.Command?.Id), 1, static (_, count) => count + 1) < MostShortStarts) return false;
        return TryKeep(trace);
    }

    /// <summary>Keeps a trace whatever it says: somebody has chosen it. False if the disk does not take it.</summary>
    public bool TryKeep(StartTrace trace)
    {
        if (!own.TrySave(trace)) return false;
        Forget(trace.Manifest);
        return true;
    }

    /// <summary>A warm trace lacks what the kernel had. So it displaces no cold one, of whichever command, and one of its own command only if it says more.</summary>
    /// <param name="known">Of its command; null: none.</param>
    private static bool IsOfUse(StartTrace warm, StartTrace? known, int count) => known is null ? count < TraceStore.MostCommands : known.IsWarm && warm.Bytes > known.Bytes;

    private async Task<StartTrace?> AskAsync(Digest manifest, Func<IImageStore> open, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            await using IImageStore store = open();
            return await TraceArtifacts.FindAsync(store, manifest, limit.Token, warn);
        }
        catch (Exception)
        {
            return null; // the start goes without, whatever it is
        }
    }
}
