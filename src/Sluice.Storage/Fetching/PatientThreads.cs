using System.Runtime.InteropServices;

namespace Sluice.Storage.Fetching;

/// <summary>
/// Runs what nobody waits for on threads of its own, one a processor at most: the pool's threads are there for what is waited for, and others of the machine, as the container that is
/// starting, have a processor first. A thread that has nothing to do ends soon.
/// </summary>
/// <param name="idleTime">How long a thread waits for the next task.</param>
internal sealed partial class PatientThreads(TimeSpan idleTime) : TaskScheduler
{
    /// <summary>A third of the weight of an ordinary thread. Source: sched_prio_to_weight in kernel/sched/core.c.</summary>
    internal const int Nice = 5;

    private readonly Lock _gate = new();
    private readonly Queue<Task> _tasks = [];
    private readonly SemaphoreSlim _queued = new(0);
    private int _threads, _waiting;

    /// <summary>Those of the process.</summary>
    public static PatientThreads Shared { get; } = new(TimeSpan.FromSeconds(10));

    public override int MaximumConcurrencyLevel => Environment.ProcessorCount;

    /// <summary>Threads that there are, at work or not.</summary>
    internal int Count
    {
        get
        {
            lock (_gate) return _threads;
        }
    }

    /// <summary>What follows the task runs in the pool again.</summary>
    public Task RunAsync(Action action) => Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);

    protected override void QueueTask(Task task)
    {
        lock (_gate)
        {
            _tasks.Enqueue(task);
            _queued.Release();
            if (_waiting < _tasks.Count && _threads < MaximumConcurrencyLevel)
            {
                _threads++;
                new Thread(Run) { IsBackground = true, Name = "sluice-decode" }.UnsafeStart();
            }
        }
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (_gate) return [.. _tasks];
    }

    private void Run()
    {
        const int ofThread = 0;
        _ = SetPriority(ofThread, 0, Nice);
        while (TryTake() is { } task) TryExecuteTask(task);
    }

    private Task? TryTake()
    {
        lock (_gate) _waiting++;
        bool taken = _queued.Wait(idleTime);
        lock (_gate)
        {
            _waiting--;
            if (taken || _queued.Wait(TimeSpan.Zero)) return _tasks.Dequeue();
            _threads--; // under the lock: whoever queues next counts on those that are left
            return null;
        }
    }

    /// <summary>Of Linux, who takes the calling thread for <paramref name="who"/> 0, and its priority only.</summary>
    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, uint who, int priority);
}
