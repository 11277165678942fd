using System.Runtime.InteropServices;
using Sluice.Formats;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Fuse;

/// <summary>A connection to the kernel's FUSE and the threads that serve it.</summary>
internal sealed class FuseConnection : IAsyncDisposable
{
    /// <summary>Requests that are answered from local bytes take microseconds; hard disks under load, a second at worst.</summary>
    private static readonly TimeSpan StuckAfter = TimeSpan.FromSeconds(1);

    /// <summary>Each time that a disk hangs may add one, which stays.</summary>
    private const int MaxThreads = 64;

    private readonly TaskCompletionSource<FuseSession> _session = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action<string> _log;
    private readonly int _threads;
    private volatile FuseWorker[] _workers;
    private IFuseHandler? _handler;
    private volatile bool _areStuck;
    private volatile bool _stopping;
    private volatile bool _left;
    private int _running;

    /// <param name="maxWrite">Bytes of the largest WRITE; more than the least that FUSE knows: file systems that are written depend on the threads.</param>
    public FuseConnection(FuseDescriptor descriptor, int threads, int maxWrite, Action<string> log)
    {
        Descriptor = descriptor;
        MaxWrite = maxWrite;
        _log = log;
        _threads = threads;
        _workers = new FuseWorker[threads];
        for (int i = 0; i < threads; i++) _workers[i] = new FuseWorker(this);
    }

    public FuseDescriptor Descriptor { get; }

    public int MaxWrite { get; }

    public IReadOnlyList<FuseWorker> Workers => _workers;

    /// <summary>Completes when INIT was answered; at once for an adopted connection.</summary>
    public Task<FuseSession> Session => _session.Task;

    /// <summary>Completes when no thread serves any more: unmounted, aborted or stopped.</summary>
    public Task Idle => _idle.Task;

    public bool Stopping => _stopping;

    /// <summary>
    /// All threads but one at most have hung in a request for a while, as local disks can make them: that one must not begin what could hang, so that all requests are read, and get
    /// their answer by their deadline. As of the last look: <see cref="OthersHang"/> says what is true now.
    /// </summary>
    public bool AreStuck => _areStuck;

    /// <summary>
    /// The connection is somebody else's from now on: who finishes a request later must not answer it. It comes again to the successor, and here it may have failed
    /// only because the disk was closed.
    /// </summary>
    public bool HasLeft => _left;

    /// <summary>Lets the workers publish how much they allocate.</summary>
    public bool CountAllocations { get; set; }

    public void Start(IFuseHandler handler, FuseSession? adopted)
    {
        if (adopted is not null) _session.TrySetResult(adopted);
        _handler = handler;
        _running = _workers.Length;
        for (int i = 0; i < _workers.Length; i++) Start(_workers[i], i);
    }

    /// <summary>Looks whether the threads are stuck, and starts another when all are. By one caller at a time.</summary>
    public void FindStuck(long now)
    {
        FuseWorker[] workers = _workers;
        int stuck = workers.Count(worker => Hangs(worker, now));
        _areStuck = stuck >= Math.Max(_threads, workers.Length - 1);
        if (stuck == workers.Length && workers.Length < MaxThreads && !_stopping)
        {
            FuseWorker spare = new(this);
            _workers = [.. workers, spare];
            Interlocked.Increment(ref _running);
            Start(spare, workers.Length);
            _log($"all {workers.Length} threads that serve have been busy with one request for {StuckAfter.TotalSeconds:0} s, as when the local disk hangs: what else is asked waits, and gets EIO at its deadline");
        }
    }

    /// <summary>
    /// Whether all threads but this one hang at this moment: each of them will have something to do with what this one has kept. Whoever keeps a request must ask after that, as
    /// <see cref="AreStuck"/> may be said when they have just gone on.
    /// </summary>
    public bool OthersHang(FuseWorker worker)
    {
        Interlocked.MemoryBarrier();
        long now = Environment.TickCount64;
        foreach (FuseWorker other in _workers)
        {
            if (other != worker && !Hangs(other, now)) return false;
        }

        return true;
    }

    /// <summary>A request is done that may have hung.</summary>
    public void Done()
    {
        if (_areStuck) _areStuck = false;
    }

    /// <summary>Answers INIT. The first one ends the wait for <see cref="Session"/>.</summary>
    public void Initialise(FuseWorker worker)
    {
        if (!worker.TryBody(out FuseInitIn request))
        {
            worker.Fail(Errno.EIO);
            return;
        }

        // The four words every kernel sends are followed by flags2 since protocol 7.36.
        uint flagsHigh = worker.Body.Length >= 20 ? MemoryMarshal.Read<uint>(worker.Body[16..]) : 0;
        try
        {
            worker.Reply(FuseHandshake.Answer(request, flagsHigh, MaxWrite, out FuseSession session));
            _session.TrySetResult(session);
        }
        catch (SluiceException refused)
        {
            worker.Fail(Errno.EIO);
            _session.TrySetException(refused);
        }
    }

    /// <summary>A reply that the kernel did not take. Interrupted and aborted requests are ordinary.</summary>
    public void ReplyRefused(int errno)
    {
        if (errno is not (Errno.ENOENT or Errno.ENODEV or Errno.ECONNABORTED)) _log($"FUSE reply refused: {Libc.Message(errno)}");
    }

    /// <summary>A thread's read failed for good.</summary>
    public void Ended(int errno)
    {
        if (errno is not (Errno.ENODEV or Errno.ECONNABORTED)) _log($"FUSE connection failed: {Libc.Message(errno)}");
        _session.TrySetException(KernelError.Of(errno, "FUSE", "the connection ended before it was ready"));
    }

    /// <summary>
    /// Ends the threads and leaves the connection as it is. A thread that sleeps in read(2) can't be called off, so each
    /// ends after one more request; <paramref name="cause"/> blocks until a request that it makes is answered. The last
    /// one may find nobody left, and waits for the successor.
    /// </summary>
    public async Task StopAsync(Action cause)
    {
        _stopping = true;
        // On threads of their own: one that waits for the successor would be missing in the pool, which makes another only after half a second.
        while (!_idle.Task.IsCompleted) await Task.WhenAny(Task.Factory.StartNew(cause, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default), _idle.Task);
    }

    /// <summary>Before <see cref="StopAsync"/>, to leave the connection to a successor.</summary>
    public void Leave() => _left = true;

    /// <summary>Frees the buffers; the threads must have ended.</summary>
    public async ValueTask DisposeAsync()
    {
        await _idle.Task;
        foreach (FuseWorker worker in _workers) worker.Dispose();
        Descriptor.Dispose();
    }

    private static bool Hangs(FuseWorker worker, long now) => worker.Watch.BusySince is not 0 and var since && now - since > StuckAfter.TotalMilliseconds;

    private void Start(FuseWorker worker, int number) => new Thread(() => Serve(worker, _handler!)) { IsBackground = true, Name = $"fuse-{number}" }.Start();

    private void Serve(FuseWorker worker, IFuseHandler handler)
    {
        try
        {
            if (MaxWrite > FuseLayout.MinWrite) IoFlusher.Enter(_log);
            worker.Run(handler);
        }
        catch (Exception bug)
        {
            _log($"FUSE thread ended: {bug}");
        }
        finally
        {
            if (Interlocked.Decrement(ref _running) == 0) _idle.TrySetResult();
        }
    }
}
