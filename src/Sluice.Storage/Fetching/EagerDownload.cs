using Sluice.Storage.Activity;

namespace Sluice.Storage.Fetching;

/// <summary>
/// Downloads all that an image lacks as fast as its source delivers: large ranges, as many at a time as the fetcher lets anybody have who does not stand still for them, decoded side by side. Reads go
/// first, as before every fetch. Nothing is evicted for it, and what is here is not asked for.
/// </summary>
/// <param name="readers">Of the image; not disposed.</param>
public sealed class EagerDownload(IReadOnlyCollection<BlobReader> readers)
{
    /// <summary>Blob space of one range.</summary>
    private const int RangeBytes = 4 << 20;

    /// <summary>The fetcher's own bounds, of requests and of memory, are what limits; this only keeps its queue short.</summary>
    private const int MostRanges = 16;

    private long _underWay;
    private volatile DownloadEnd _end = DownloadEnd.Complete;

    /// <summary>Ends when all is here, or at the first range that can't be had or kept; nothing is under way then. Never faults but by cancellation.</summary>
    public async Task<DownloadEnd> RunAsync(CancellationToken cancellation)
    {
        ParallelOptions options = new() { MaxDegreeOfParallelism = MostRanges, CancellationToken = cancellation };
        await Parallel.ForEachAsync(Ranges(), options, async (range, token) =>
        {
            (BlobReader reader, long offset, long length) = range;
            if (!await reader.PrefetchAsync(offset, length, FetchPriority.Prefetch, token, FetchCause.Background) || !reader.Holds(offset, length)) _end = DownloadEnd.Failed;
            Interlocked.Add(ref _underWay, -length);
        });
        return readers.Any(reader => reader.IsDisposed) ? DownloadEnd.Closed : _end;
    }

    /// <summary>What is missing, as long as there is a point in going on.</summary>
    private IEnumerable<(BlobReader Reader, long Offset, long Length)> Ranges()
    {
        foreach (BlobReader reader in readers)
        {
            for (long offset = 0; offset < reader.Format.Length; offset += RangeBytes)
            {
                long length = Math.Min(RangeBytes, reader.Format.Length - offset);
                if (_end != DownloadEnd.Complete || reader.IsDisposed) yield break;
                if (reader.Holds(offset, length)) continue;
                if (!reader.HasRoomFor(Interlocked.Add(ref _underWay, length)))
                {
                    _end = DownloadEnd.NoRoom;
                    yield break;
                }

                yield return (reader, offset, length);
            }
        }
    }
}
