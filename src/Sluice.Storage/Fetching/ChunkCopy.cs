using Sluice.Storage.Cache;

namespace Sluice.Storage.Fetching;

/// <summary>
/// Takes chunks over from other blobs, which have them or are fetching them just now. What does not come about is fetched by whoever waits: that another image's fetch hangs
/// must not keep this one from trying for itself.
/// </summary>
/// <param name="arriving">The fetch that brings the chunks, with a reference for this copy; null: they are there.</param>
/// <param name="start">Where the first chunk lies in blob space.</param>
internal sealed class ChunkCopy(BlobReader owner, Fetcher fetcher, SourceFetch? arriving, long start) : Flight(owner)
{
    /// <summary>Of blob space, about: whoever waits for one chunk waits for the others, too.</summary>
    private const int MostBytes = 1 << 20;

    /// <summary>A fetch that takes longer is not waited for.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>What it waits for; null: for nothing.</summary>
    public SourceFetch? Arriving => arriving;

    public List<Chunk> Chunks { get; } = [];

    public bool Admits(SourceFetch? fetch, ChunkExtent extent) => fetch == arriving && extent.End - start <= MostBytes;

    /// <summary>To be called once, by whoever made it, when all chunks are added.</summary>
    public void Begin()
    {
        if (arriving is null) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        else _ = WaitAsync(arriving);
    }

    public override void Execute()
    {
        Origin = "another image";
        try
        {
            foreach (Chunk chunk in Chunks) Take(chunk);
        }
        catch (Exception e)
        {
            // Whoever waits finds that nothing came; an exception on a pool thread would end the process.
            fetcher.Options.Log?.Invoke($"blob {Owner.Format.Blob}: chunks of other blobs can't be copied: {e}");
        }
        finally
        {
            arriving?.Release();
            fetcher.Finish(this);
        }
    }

    private async Task WaitAsync(SourceFetch fetch)
    {
        await fetch.Completion.WaitAsync(Patience, fetcher.Options.Time, fetcher.Shutdown).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        Execute();
    }

    private void Take(Chunk chunk)
    {
        ChunkExtent extent = Owner.Format.GetExtent(chunk.Slot);
        byte[] buffer = FetchBuffers.Pool.Rent(extent.Length);
        Keep(buffer);
        if (Owner.Cache.TryAdopt(Owner.Format, chunk.Slot, chunk.Cache, chunk.Number, buffer) || TakeFromFetch(chunk, buffer.AsSpan(0, extent.Length)))
            Add(extent.Number, buffer, 0, extent.Length);
    }

    /// <summary>What could not be stored for the other blob.</summary>
    private bool TakeFromFetch(Chunk chunk, Span<byte> content)
    {
        if (arriving is not { Completion.IsCompleted: true } || !arriving.TryCopy(chunk.Number, 0, content) || !Owner.Format.Verify(chunk.Slot, content)) return false;
        Owner.Store(chunk.Slot, content);
        return true;
    }

    /// <param name="Cache">Has the chunk under <paramref name="Number"/>.</param>
    internal readonly record struct Chunk(int Slot, BlobCache Cache, int Number);
}
