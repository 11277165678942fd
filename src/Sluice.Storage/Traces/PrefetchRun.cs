using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Storage.Fetching;

namespace Sluice.Storage.Traces;

/// <summary>
/// Fetches what a plan says, in its order. So little is under way at a time that whoever waits for something else finds the line free within <see cref="Patience"/>: as much as
/// came in that time lately. Ranges that make no sense for the image are left out. It gives up when it does not help: after <see cref="MostFailures"/> ranges that could not be had, or were not kept.
/// </summary>
/// <param name="readers">Of the image, by blob.</param>
public sealed class PrefetchRun(PrefetchPlan plan, IReadOnlyDictionary<Digest, BlobReader> readers, TimeProvider? time = null)
{
    /// <summary>How long a demand read may have to wait behind what was asked for ahead of it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    private const int MostFailures = 3;
    private const long LeastUnderWay = 512 << 10;
    private const long MostUnderWay = 8 << 20;

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _gate = new();
    private readonly HashSet<Task> _running = [];
    private TaskCompletionSource _room = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _underWay, _done, _failed;
    private double _speed; // bytes a second

    /// <summary>Blob space bytes that are here and that the plan asked for.</summary>
    public long Bytes => Volatile.Read(ref _done);

    /// <summary>Ranges that could not be had, or kept: the read that needs them will say why.</summary>
    public long Failed => Volatile.Read(ref _failed);

    /// <summary>Ends when everything was asked for and has come or failed, or when it gives up; nothing is under way then, cancelled or not. Never faults but by cancellation.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            await StartAllAsync(cancellation);
        }
        finally
        {
            Task[] last;
            lock (_gate) last = [.. _running];
            await Task.WhenAll(last);
        }

        cancellation.ThrowIfCancellationRequested();
    }

    private async Task StartAllAsync(CancellationToken cancellation)
    {
        foreach (PlanRange range in plan.Ranges)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Failed >= MostFailures) return;
            if (!readers.TryGetValue(range.Blob, out BlobReader? reader) || !IsPossible(range, reader)) continue;
            if (reader.Holds(range.Offset, range.Length))
            {
                Interlocked.Add(ref _done, range.Length);
                continue;
            }

            await WaitForRoomAsync(range.Length).WaitAsync(cancellation);
            Task fetch = FetchAsync(reader, range, cancellation);
            lock (_gate) _running.Add(fetch);
            _ = fetch.ContinueWith(done => { lock (_gate) _running.Remove(done); }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    /// <summary>Blob space bytes of the plan that nobody has read.</summary>
    public long Unread(TraceRecorder recorder)
    {
        long unread = 0;
        foreach (PlanRange range in plan.Ranges)
        {
            if (!readers.TryGetValue(range.Blob, out BlobReader? reader) || !IsPossible(range, reader)) continue;
            IBlobFormat format = reader.Format;
            for (int slot = format.Find(range.Offset); slot < format.Count && format.GetExtent(slot) is var chunk && chunk.Offset < range.Offset + range.Length; slot++)
                if (!recorder.WasRead(format.Blob, chunk.Number)) unread += chunk.Length;
        }

        return unread;
    }

    private static bool IsPossible(PlanRange range, BlobReader reader) => range.Offset >= 0 && range.Length > 0 && range.Offset <= reader.Format.Length - range.Length;

    private async Task WaitForRoomAsync(long length)
    {
        while (true)
        {
            Task room;
            lock (_gate)
            {
                long limit = Math.Clamp((long)(_speed * Patience.TotalSeconds), LeastUnderWay, MostUnderWay);
                if (_underWay == 0 || _underWay + length <= limit)
                {
                    _underWay += length;
                    return;
                }

                room = _room.Task;
            }

            await room;
        }
    }

    private async Task FetchAsync(BlobReader reader, PlanRange range, CancellationToken cancellation)
    {
        long began = _time.GetTimestamp();
        long before = Bytes;
        bool came = false;
        try
        {
            came = await reader.PrefetchAsync(range.Offset, range.Length, FetchPriority.Prefetch, cancellation) && reader.Holds(range.Offset, range.Length);
        }
        catch (OperationCanceledException)
        {
            // Whoever cancelled knows.
        }

        TaskCompletionSource room;
        lock (_gate)
        {
            _underWay -= range.Length;
            if (came) _done += range.Length;
            else _failed++;

            // What came while this was under way, itself included: the speed of the line, not of the request.
            double seconds = Math.Max(_time.GetElapsedTime(began).TotalSeconds, 0.001);
            if (came) _speed = Math.Max(_speed * 0.9, (_done - before) / seconds);
            (room, _room) = (_room, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        room.SetResult();
    }
}
