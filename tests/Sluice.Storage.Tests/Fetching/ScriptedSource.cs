using System.Collections.Concurrent;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Places;

namespace Sluice.Storage.Tests.Fetching;

/// <summary>A source in memory that does what the test says: deliver, hold back, stall, lie, refuse.</summary>
internal sealed class ScriptedSource(byte[] content, string name = "scripted") : IBlobSource
{
    private readonly ConcurrentQueue<(long Offset, int Length)> _requests = new();
    private int _running;
    private int _mostRunning;

    public string Name => name;

    public SourcePlace? Place { get; init; }

    /// <summary>Runs before every answer; may wait, throw, or return other bytes.</summary>
    public Func<long, Memory<byte>, CancellationToken, Task>? Script { get; set; }

    /// <summary>Runs on the bytes of every answer.</summary>
    public Action<long, Memory<byte>>? Spoil { get; set; }

    public IReadOnlyCollection<(long Offset, int Length)> Requests => _requests;

    public int MostRunning => _mostRunning;

    public async Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        _requests.Enqueue((offset, destination.Length));
        int running = Interlocked.Increment(ref _running);
        InterlockedMax(ref _mostRunning, running);
        try
        {
            if (Script is { } script) await script(offset, destination, cancellation);
            if (offset + destination.Length > content.Length) throw new SluiceException(SluiceError.Source, Name, "the blob ends before the range does");
            content.AsSpan((int)offset, destination.Length).CopyTo(destination.Span);
            Spoil?.Invoke(offset, destination);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static void InterlockedMax(ref int target, int value)
    {
        int current;
        while ((current = Volatile.Read(ref target)) < value && Interlocked.CompareExchange(ref target, value, current) != current)
        {
        }
    }
}
