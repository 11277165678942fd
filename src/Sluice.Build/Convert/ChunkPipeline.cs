using System.Collections.Concurrent;
using System.Threading.Channels;

namespace Sluice.Build.Convert;

/// <summary>
/// Compresses chunks on several threads and gives them back in the order in which they came, so that the blob does not depend
/// on the number of threads. A fixed set of <see cref="ChunkJob"/>s bounds the memory: a reader that is ahead waits in <see cref="Rent"/>.
/// </summary>
internal sealed class ChunkPipeline : IDisposable
{
    private const int BufferBudget = 48 << 20; // bytes of plain chunks in flight, all layers together

    private readonly BlockingCollection<ChunkJob> _free = [];
    private readonly BlockingCollection<ChunkJob> _work = [];
    private readonly Thread[] _threads;

    public ChunkPipeline(ChunkCompression compression, int chunkSize, int threads)
    {
        int jobs = Math.Max(threads + 2, Math.Min(BufferBudget / chunkSize, 64));
        for (int i = 0; i < jobs; i++) _free.Add(new ChunkJob(chunkSize, compression.Capacity(chunkSize)));
        _threads = new Thread[threads];
        for (int i = 0; i < threads; i++)
        {
            _threads[i] = new Thread(() => Run(compression)) { IsBackground = true, Name = "compress" };
            _threads[i].Start();
        }
    }

    /// <summary>A job to fill; waits until one is free.</summary>
    public ChunkJob Rent(CancellationToken cancellation) => _free.Take(cancellation);

    /// <summary>Gives a job back that was not submitted, or that has been written.</summary>
    public void Return(ChunkJob job) => _free.Add(job, CancellationToken.None);

    /// <summary>Queues a job for compression and appends it to <paramref name="order"/>. Only one caller at a time for one order.</summary>
    public void Submit(ChunkJob job, ChannelWriter<ChunkJob> order)
    {
        _work.Add(job);
        order.TryWrite(job); // an order is an unbounded channel: the jobs themselves are the bound
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        foreach (Thread thread in _threads) thread.Join();
        _work.Dispose();
        _free.Dispose();
    }

    private void Run(ChunkCompression compression)
    {
        foreach (ChunkJob job in _work.GetConsumingEnumerable()) job.Compress(compression);
    }
}
