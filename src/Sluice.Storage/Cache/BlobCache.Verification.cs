using System.Buffers;

namespace Sluice.Storage.Cache;

/// <summary>Looking at everything that is stored.</summary>
public sealed partial class BlobCache
{
    /// <summary>Reads every chunk from the disk and drops those that are wrong.</summary>
    /// <param name="sum">What was found before.</param>
    internal CacheVerification Verify(CacheVerification sum, CancellationToken cancellation)
    {
        if (_files is not { } files) return sum;
        Flush();
        SparseFile.DropPages(files.Data);
        ChunkIdentity[] all = Identities.All.ToArray();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(all.Length == 0 ? 0 : all.Max(chunk => chunk.Length));
        try
        {
            foreach (ChunkIdentity chunk in all)
            {
                cancellation.ThrowIfCancellationRequested();
                ChunkState state = CheckChunk(chunk, buffer);
                if (state == ChunkState.Gone) continue;
                sum = sum with { Chunks = sum.Chunks + 1, Bytes = sum.Bytes + chunk.Length, Wrong = sum.Wrong + (state == ChunkState.Wrong ? 1 : 0) };
            }

            return sum;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
