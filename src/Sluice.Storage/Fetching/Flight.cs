
namespace Sluice.Storage.Fetching;

/// <summary>
/// Work that makes chunks available and that several readers may wait for. Registered with the <see cref="Fetcher"/> under
/// the numbers of its chunks while it is under way. Holds its buffers until the last reader has copied.
/// </summary>
internal abstract class Flight(BlobReader owner) : IThreadPoolWorkItem
{
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<int, Piece> _pieces = [];
    private readonly List<byte[]> _buffers = [];
    private int _references = 1;

    public BlobReader Owner { get; } = owner;

    /// <summary>Numbers of the chunks that this flight is registered under; guarded by the fetcher's lock.</summary>
    public List<int> Registered { get; } = [];

    /// <summary>By the worker: where what it adds comes from; null: it was in the cache. Afterwards, whom it had the last from.</summary>
    public string? Origin { get; protected set; }

    /// <summary>Completes when the flight is over, well or not; never faults.</summary>
    public Task Completion => _completion.Task;

    public void AddReference() => Interlocked.Increment(ref _references);

    public void Release()
    {
        if (Interlocked.Decrement(ref _references) != 0) return;
        foreach (byte[] buffer in _buffers) FetchBuffers.Pool.Return(buffer);
        _buffers.Clear();
        _pieces.Clear();
        OnReleased();
    }

    /// <summary>After completion: copies bytes of a chunk that this flight brought.</summary>
    public bool TryCopy(int number, int from, Span<byte> destination)
    {
        if (!_pieces.TryGetValue(number, out Piece piece) || from + destination.Length > piece.Length) return false;
        piece.Buffer.AsSpan(piece.Offset + from, destination.Length).CopyTo(destination);
        return true;
    }

    public abstract void Execute();

    /// <summary>By the worker: hands a buffer over until the last release.</summary>
    protected void Keep(byte[] buffer) => _buffers.Add(buffer);

    /// <summary>By the worker: makes part of a kept buffer available as the content of a chunk, which came from <see cref="Origin"/>.</summary>
    protected void Add(int number, byte[] buffer, int offset, int length)
    {
        _pieces[number] = new Piece(buffer, offset, length);
        if (Origin is { } origin) Owner.Activity.Origins?.Came(Owner.Format, number, origin);
    }

    /// <summary>While nothing is added: by the worker, or after completion.</summary>
    internal bool Has(int number) => _pieces.ContainsKey(number);

    /// <summary>By the fetcher, once, after the flight is no longer registered.</summary>
    internal void Complete()
    {
        _completion.SetResult();
        Release();
    }

    protected virtual void OnReleased()
    {
    }

    private readonly record struct Piece(byte[] Buffer, int Offset, int Length);
}
