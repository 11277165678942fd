using System.Collections.Concurrent;
using System.Threading.Channels;

namespace Sluice.Build.Convert;

/// <summary>
/// Has jobs done on several threads and gives them back in the order in which they came, so that the result does not depend
/// on the number of threads. A fixed set of jobs bounds the memory: who is ahead waits in <see cref="Rent"/>.
/// </summary>
internal class Pipeline<TJob> : IDisposable
    where TJob : PipelineJob
{
    private readonly BlockingCollection<TJob> _free = [];
    private readonly BlockingCollection<TJob> _work = [];
    private readonly Thread[] _threads;

    public Pipeline(Func<TJob> make, int jobs, int threads)
    {
        for (int i = 0; i < jobs; i++) _free.Add(make());
        _threads = new Thread[threads];
        for (int i = 0; i < threads; i++)
        {
            _threads[i] = new Thread(Run) { IsBackground = true, Name = "compress" };
            _threads[i].Start();
        }
    }

    /// <summary>A job to fill; waits until one is free.</summary>
    public TJob Rent(CancellationToken cancellation) => _free.Take(cancellation);

    /// <summary>Gives a job back that was not submitted, or whose result has been taken.</summary>
    public void Return(TJob job) => _free.Add(job, CancellationToken.None);

    /// <summary>Queues a job and appends it to <paramref name="order"/>. Only one caller at a time for one order.</summary>
    public void Submit(TJob job, ChannelWriter<TJob> order)
    {
        _work.Add(job);
        order.TryWrite(job); // an order is an unbounded channel: the jobs themselves are the bound
    }

    /// <summary>Waits for each job of an order in turn, gives it to <paramref name="take"/> and returns it.</summary>
    public void Drain(ChannelReader<TJob> order, Action<TJob> take, CancellationToken cancellation)
    {
        while (order.WaitToReadAsync(cancellation).AsTask().GetAwaiter().GetResult())
        {
            while (order.TryRead(out TJob? job))
            {
                job.Done.Wait(cancellation);
                if (job.Failure is not null) throw job.Failure;
                take(job);
                Return(job);
            }
        }
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        foreach (Thread thread in _threads) thread.Join();
        _work.Dispose();
        _free.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Run()
    {
        foreach (TJob job in _work.GetConsumingEnumerable()) job.Run();
    }
}
