using System.Diagnostics.CodeAnalysis;

namespace Sluice.Storage.Fetching;

/// <summary>
/// Runs what nobody waits for on threads of its own, one a processor at most. The pool has as many, and what is waited for would stand behind it there: answers to containerd, mounts, reads.
/// A thread that has nothing to do ends after a while.
/// </summary>
/// <param name="idleTime">How long a thread waits for the next task.</param>
internal sealed class PatientThreads(TimeSpan idleTime) : TaskScheduler
{
    private readonly object _gate = new(); // Monitor: who waits for a task sleeps at once
    private readonly Queue<Task> _tasks = [];
    private int _threads, _waiting;

    public override int MaximumConcurrencyLevel => Environment.ProcessorCount;

    /// <summary>Threads that there are, at work or not.</summary>
    internal int Count
    {
        get
        {
            lock (_gate) return _threads;
        }
    }

    /// <summary>Tasks that no thread has begun with.</summary>
    internal int Queued
    {
        get
        {
            lock (_gate) return _tasks.Count;
        }
    }

    /// <summary>What follows the task runs in the pool again.</summary>
    public Task RunAsync(Action action) => Task.Factory.StartNew(
        action, CancellationToken.None, TaskCreationOptions.DenyChildAttach | TaskCreationOptions.HideScheduler | TaskCreationOptions.RunContinuationsAsynchronously, this);

    protected override void QueueTask(Task task)
    {
        lock (_gate)
        {
            _tasks.Enqueue(task);
            Monitor.Pulse(_gate);
            if (_waiting >= _tasks.Count || _threads == MaximumConcurrencyLevel) return;
            _threads++;
        }

        try
        {
            new Thread(Run) { IsBackground = true, Name = "sluice-decode" }.UnsafeStart();
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            lock (_gate) _threads--;
            ThreadPool.UnsafeQueueUserWorkItem(static threads => threads.RunQueued(), this, preferLocal: false);
        }
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (_gate) return [.. _tasks];
    }

    private void Run()
    {
        while (TryTake(out Task? task)) TryExecuteTask(task);
    }

    /// <summary>Where there can be no thread: also what was queued meanwhile for one that was to come.</summary>
    private void RunQueued()
    {
        while (true)
        {
            Task? task;
            lock (_gate)
            {
                if (!_tasks.TryDequeue(out task)) return;
            }

            TryExecuteTask(task);
        }
    }

    /// <summary>False: the thread is to end.</summary>
    private bool TryTake([NotNullWhen(true)] out Task? task)
    {
        lock (_gate)
        {
            while (_tasks.Count == 0)
            {
                _waiting++;
                bool isCalled = Monitor.Wait(_gate, idleTime);
                _waiting--;
                if (isCalled || _tasks.Count > 0) continue; // called, and another thread may have been faster
                _threads--; // whoever queues next counts on those that are left
                task = null;
                return false;
            }

            task = _tasks.Dequeue();
            return true;
        }
    }
}
