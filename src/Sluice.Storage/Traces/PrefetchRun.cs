using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Storage.Fetching;

namespace Sluice.Storage.Traces;

/// <summary>
/// Fetches what a plan says, in its order, and at the pace of <see cref="PacedFetches"/>. Ranges that make no sense for the image are left out. It gives up when it does not help: after <see cref="MostFailures"/> ranges that could not be had, or were not kept.
/// </summary>
/// <param name="readers">Of the image, by blob.</param>
public sealed class PrefetchRun(PrefetchPlan plan, IReadOnlyDictionary<Digest, BlobReader> readers, TimeProvider? time = null)
{
    private const int MostFailures = 3;

    private readonly PacedFetches _fetches = new(FetchPriority.Prefetch, time ?? TimeProvider.System);
    private long _here;

    /// <summary>Blob space bytes that are here and that the plan asked for.</summary>
    public long Bytes => Volatile.Read(ref _here) + _fetches.Bytes;

    /// <summary>Ranges that could not be had, or kept: the read that needs them will say why.</summary>
    public long Failed => _fetches.Failed;

    /// <summary>Ends when everything was asked for and has come or failed, or when it gives up; nothing is under way then, cancelled or not. Never faults but by cancellation.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            await BeginAllAsync(cancellation);
        }
        finally
        {
            await _fetches.DrainAsync();
        }

        cancellation.ThrowIfCancellationRequested();
    }

    private async Task BeginAllAsync(CancellationToken cancellation)
    {
        foreach (PlanRange range in plan.Ranges)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Failed >= MostFailures) return;
            if (!readers.TryGetValue(range.Blob, out BlobReader? reader) || !IsPossible(range, reader)) continue;
            if (reader.Holds(range.Offset, range.Length)) Interlocked.Add(ref _here, range.Length);
            else await _fetches.BeginAsync(reader, range.Offset, range.Length, cancellation);
        }
    }

    /// <summary>Blob space bytes of the plan that nobody has read.</summary>
    public long Unread(TraceRecorder recorder)
    {
        long unread = 0;
        foreach (PlanRange range in plan.Ranges)
        {
            if (!readers.TryGetValue(range.Blob, out BlobReader? reader) || !IsPossible(range, reader)) continue;
            IBlobFormat format = reader.Format;
            for (int slot = format.Find(range.Offset); slot < format.Count && format.GetExtent(slot) is var chunk && chunk.Offset < range.Offset + range.Length; slot++)
                if (!recorder.WasRead(format.Blob, chunk.Number)) unread += chunk.Length;
        }

        return unread;
    }

    private static bool IsPossible(PlanRange range, BlobReader reader) => range.Offset >= 0 && range.Length > 0 && range.Offset <= reader.Format.Length - range.Length;
}
