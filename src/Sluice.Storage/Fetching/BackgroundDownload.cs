using Sluice.Storage.Cache;

namespace Sluice.Storage.Fetching;

/// <summary>
/// Downloads what an image lacks, when there is nothing better to do: in large ranges, verified like every read, so little at a time that a read finds the line free
/// (<see cref="PacedFetches"/>), nothing new while a read of any image waits, and nothing that chunks in use would have to be evicted for. What is here is not asked for, so one that
/// was interrupted goes on where it was.
/// </summary>
/// <param name="readers">Of the image. It ends when one of them is disposed.</param>
/// <param name="rate">Shared by all downloads of the node.</param>
public sealed class BackgroundDownload(IReadOnlyCollection<BlobReader> readers, DownloadRate rate, TimeProvider? time = null)
{
    /// <summary>Blob space of one range. Its unit may reach further.</summary>
    private const int RangeBytes = 2 << 20;

    private const int MostFailures = 3;
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>Ends when all is here, or it can't go on; nothing is under way then. Never faults but by cancellation.</summary>
    public Task<DownloadEnd> RunAsync(CancellationToken cancellation)
    {
        PacedFetches fetches = new(FetchPriority.Background, _time);
        return fetches.DownloadAsync(readers, reader => BeginAllAsync(reader, fetches, cancellation), cancellation);
    }

    private async Task<DownloadEnd> BeginAllAsync(BlobReader reader, PacedFetches fetches, CancellationToken cancellation)
    {
        for (int slot = 0; slot < reader.Format.Count;)
        {
            if (reader.IsDisposed) return DownloadEnd.Closed;
            if (reader.Cache.IsVerified(reader.Format.GetExtent(slot).Number))
            {
                slot++;
                continue;
            }

            (int next, long length, long wire) = Measure(reader, slot);
            if (!reader.HasRoomFor(fetches.UnderWay + length)) return DownloadEnd.NoRoom;
            await rate.TakeAsync(wire, cancellation);
            if (fetches.Failed >= MostFailures) return DownloadEnd.Failed;
            await fetches.BeginAsync(reader, reader.Format.GetExtent(slot).Offset, length, cancellation, others: () => LetPassAsync(reader, cancellation));
            slot = next;
        }

        return DownloadEnd.Complete;
    }

    private async Task LetPassAsync(BlobReader reader, CancellationToken cancellation)
    {
        while (reader.OthersWait && !reader.IsDisposed) await Task.Delay(LookAgain, _time, cancellation);
    }

    /// <summary>A range that begins with a chunk: the slot behind it, its blob space, and about what comes over the wire for it.</summary>
    private static (int Next, long Length, long Wire) Measure(BlobReader reader, int first)
    {
        IBlobFormat format = reader.Format;
        long start = format.GetExtent(first).Offset, end = start, wire = 0;
        int next = first, unit = -1;
        for (; next < format.Count && format.GetExtent(next) is var chunk && (next == first || chunk.End - start <= RangeBytes); next++)
        {
            end = chunk.End;
            if (reader.Cache.IsPresent(chunk.Number) || format.GetUnitOf(next) == unit) continue;
            unit = format.GetUnitOf(next);
            wire += format.GetUnit(unit).CompressedLength;
        }

        return (next, end - start, wire);
    }
}
