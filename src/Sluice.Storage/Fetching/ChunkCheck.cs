using System.Buffers;
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
        byte[] buffer = ArrayPool<byte>.Shared.Rent(largest);
        try
        {
            foreach (int slot in Slots)
            {
                ChunkState state = Owner.Cache.CheckChunk(ChunkIdentity.Of(Owner.Format, slot), buffer);
                if (state != ChunkState.Gone) fetcher.Counters.Checked(state == ChunkState.Good);
            }
        }
        catch (Exception e)
        {
            // Whoever waits finds the chunk unverified; an exception on a pool thread would end the process.
            fetcher.Options.Log?.Invoke($"blob {Owner.Format.Blob}: stored chunks can't be checked: {e}");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            fetcher.Finish(this);
        }
    }
}
