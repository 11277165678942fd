namespace Sluice.Build.Convert;

/// <summary>Compresses chunks.</summary>
internal sealed class ChunkPipeline(ChunkCompression compression, int chunkSize, int threads)
    : Pipeline<ChunkJob>(() => new ChunkJob(compression, chunkSize), Math.Max(threads + 2, Math.Min(BufferBudget / chunkSize, 64)), threads)
{
    private const int BufferBudget = 48 << 20; // bytes of plain chunks in flight, all layers together
}
