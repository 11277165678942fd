using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources;

/// <summary>
/// A blob from its beginning to its end, of which the next ranges are under way side by side while one is read: a line of which a single connection gets only a share is used whole, and whoever decodes
/// does not wait for round trips.
/// </summary>
public sealed class RangedBlob : ForwardStream
{
    /// <summary>Bytes of a range.</summary>
    private const int RangeBytes = 2 << 20;

    /// <summary>Ranges under way, or read and not used yet.</summary>
    private const int Ahead = 4;

    private readonly IImageStore _store;
    private readonly Descriptor _blob;
    private readonly CancellationTokenSource _over;
    private readonly Queue<Task<ArraySegment<byte>>> _coming = [];
    private ArraySegment<byte> _range = ArraySegment<byte>.Empty;
    private int _at;
    private long _asked;

    private RangedBlob(IImageStore store, Descriptor blob, CancellationToken cancellation)
    {
        (_store, _blob) = (store, blob);
        _over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        while (_coming.Count < Ahead && _asked < blob.Size) Ask(GC.AllocateUninitializedArray<byte>(RangeBytes));
    }

    /// <summary>Opens it, as <see cref="IImageStore.OpenBlobAsync"/> does: its last read throws if digest or size are wrong. A short blob is one request.</summary>
    /// <param name="cancellation">Of all reads.</param>
    /// <exception cref="SluiceException">The blob can't be had; reads throw the same.</exception>
    public static async Task<Stream> OpenAsync(IImageStore store, Descriptor blob, CancellationToken cancellation) => blob.Size <= RangeBytes
        ? await store.OpenBlobAsync(blob, cancellation).ConfigureAwait(false)
        : new VerifyingStream(new RangedBlob(store, blob, cancellation), blob, store.Name, () => store.Reject(blob.Digest));

    public override int Read(Span<byte> buffer)
    {
        if (_at == _range.Count) Take();
        int length = Math.Min(buffer.Length, _range.Count - _at);
        _range.AsSpan(_at, length).CopyTo(buffer);
        _at += length;
        return length;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_at == _range.Count && _coming.TryPeek(out Task<ArraySegment<byte>>? next)) await next.WaitAsync(cancellationToken).ConfigureAwait(false);
        return Read(buffer.Span);
    }

    /// <summary>What is under way is cancelled; nobody waits for it.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _over.Cancel();
            Task all = Task.WhenAll(_coming);
            _ = all.ContinueWith(static (done, over) => { _ = done.Exception; ((CancellationTokenSource)over!).Dispose(); }, _over, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        base.Dispose(disposing);
    }

    /// <summary>Waits for the next range, and has another one fetched into the memory of the last.</summary>
    private void Take()
    {
        byte[] free = _range.Array!;
        (_range, _at) = (_coming.TryPeek(out Task<ArraySegment<byte>>? next) ? next.GetAwaiter().GetResult() : ArraySegment<byte>.Empty, 0);
        _coming.TryDequeue(out _);
        if (_asked < _blob.Size) Ask(free.Length > 0 ? free : GC.AllocateUninitializedArray<byte>(RangeBytes));
    }

    private void Ask(byte[] memory)
    {
        long offset = _asked;
        var range = new ArraySegment<byte>(memory, 0, (int)Math.Min(RangeBytes, _blob.Size - offset));
        _asked += range.Count;
        _coming.Enqueue(Task.Run(() => FetchAsync(offset, range)));
    }

    private async Task<ArraySegment<byte>> FetchAsync(long offset, ArraySegment<byte> range)
    {
        await _store.ReadAsync(_blob.Digest, offset, range, _over.Token).ConfigureAwait(false);
        return range;
    }
}
