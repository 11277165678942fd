using Sluice.Storage.Activity;

namespace Sluice.Storage.Fetching;

/// <summary>
/// Downloads all that an image lacks as fast as its source delivers, decoded side by side. Large ranges are under way, of which a fast line has many and a slow one so few that a read, which goes first, finds it
/// free (<see cref="PacedFetches"/>). Nothing is evicted for it, and what is here is not asked for.
/// </summary>
/// <param name="readers">Of the image; not disposed.</param>
public sealed class EagerDownload(IReadOnlyCollection<BlobReader> readers)
{
    /// <summary>Blob space of one range, at most.</summary>
    private const int MostOfOne = 4 << 20;

    /// <summary>As many as keep all processors busy, and the fetcher's queue short.</summary>
    private const int MostUnderWay = 16 * MostOfOne;

    private readonly PacedFetches _fetches = new(FetchPriority.Prefetch, TimeProvider.System) { Cause = FetchCause.Background, MostUnderWay = MostUnderWay };

    /// <summary>Ends when all is here, or when a range can't be had or kept; nothing is under way then. Never faults but by cancellation.</summary>
    public Task<DownloadEnd> RunAsync(CancellationToken cancellation) => _fetches.DownloadAsync(readers, reader => BeginAllAsync(reader, cancellation), cancellation);

    private async Task<DownloadEnd> BeginAllAsync(BlobReader reader, CancellationToken cancellation)
    {
        long length;
        for (long offset = 0; offset < reader.Format.Length; offset += length)
        {
            length = Math.Min(Math.Min(_fetches.MostOfOne, MostOfOne), reader.Format.Length - offset);
            if (reader.IsDisposed) return DownloadEnd.Closed;
            if (_fetches.Failed > 0) return DownloadEnd.Failed;
            if (reader.Holds(offset, length)) continue;
            if (!reader.HasRoomFor(_fetches.UnderWay + length)) return DownloadEnd.NoRoom;
            await _fetches.BeginAsync(reader, offset, length, cancellation);
        }

        return DownloadEnd.Complete;
    }
}
