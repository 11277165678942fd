using Sluice.Storage.Cache;

namespace Sluice.Storage.Fetching;

/// <summary>Checks chunks that an earlier process stored. What fails is forgotten by the cache and fetched by whoever needs it.</summary>
internal sealed class ChunkCheck(BlobReader owner, Fetcher fetcher) : Flight(owner)
{
    public List<int> Slots { get; } = [];

    public override void Execute()
    {
        int largest = 0;
        foreach (int slot in Slots) largest = Math.Max(largest, Owner.Format.GetExtent(slot).Length);
        byte[] buffer = FetchBuffers.Pool.Rent(largest);
        try
        {
            int rotten = 0;
            foreach (int slot in Slots)
            {
                ChunkState state = Owner.Cache.CheckChunk(ChunkIdentity.Of(Owner.Format, slot), buffer);
                if (state != ChunkState.Gone) fetcher.Counters.Checked(state == ChunkState.Good);
                if (state == ChunkState.Wrong) rotten++;
            }

            if (rotten > 0) fetcher.Options.Report(FetchEventKind.StoredRot, Owner, null, $"blob {Owner.Format.Blob}: {rotten} of {Slots.Count} stored chunks, from {Owner.Format.GetExtent(Slots[0]).Offset} on, were damaged; they are fetched again");
        }
        catch (Exception e)
        {
            // Whoever waits finds the chunk unverified; an exception on a pool thread would end the process.
            fetcher.Options.Report(FetchEventKind.Defect, Owner, null, $"blob {Owner.Format.Blob}: stored chunks can't be checked: {e}");
        }
        finally
        {
            FetchBuffers.Pool.Return(buffer);
            fetcher.Finish(this);
        }
    }
}
