namespace Sluice.Storage.Images;

/// <summary>
/// The last few ranges that were fetched from the blobs of a block image, and the ends of all blobs, which came with the indexes.
/// Not for concurrent use.
/// </summary>
internal sealed class LayerWindows(RemoteBlockImage image)
{
    private const int Count = 16;

    private readonly Window[] _windows = [.. Enumerable.Range(0, Count).Select(_ => new Window())];
    private long _uses;

    public long BytesFetched { get; private set; }

    /// <summary>Bytes of a layer's blob, valid until the next call. The calling thread waits for the source.</summary>
    /// <param name="window">Bytes that a fetch asks for at least, where the blob has them.</param>
    public ReadOnlySpan<byte> Fetch(int layer, long offset, int length, int window)
    {
        RemoteBlockLayer remote = image.Layers[layer];
        if (offset >= remote.TailOffset) return remote.Tail.Span.Slice((int)(offset - remote.TailOffset), length);
        Window held = Find(layer, offset, length);
        held.LastUse = ++_uses;
        if (!held.Holds(layer, offset, length))
        {
            var count = (int)Math.Max(length, Math.Min(window, remote.TailOffset - offset));
            if (held.Buffer.Length < count) held.Buffer = GC.AllocateUninitializedArray<byte>(count);
            held.Layer = -1;
            image.Source.ReadAsync(remote.Descriptor.Digest, offset, held.Buffer.AsMemory(0, count), CancellationToken.None).GetAwaiter().GetResult();
            BytesFetched += count;
            (held.Layer, held.Start, held.Length) = (layer, offset, count);
        }

        return held.Buffer.AsSpan((int)(offset - held.Start), length);
    }

    /// <summary>The window that holds the range, or the one that has not been used for longest.</summary>
    private Window Find(int layer, long offset, int length)
    {
        Window oldest = _windows[0];
        foreach (Window window in _windows)
        {
            if (window.Holds(layer, offset, length)) return window;
            if (window.LastUse < oldest.LastUse) oldest = window;
        }

        return oldest;
    }

    private sealed class Window
    {
        public byte[] Buffer { get; set; } = [];

        public int Layer { get; set; } = -1;

        public long Start { get; set; }

        public int Length { get; set; }

        public long LastUse { get; set; }

        public bool Holds(int layer, long offset, int length) => Layer == layer && offset >= Start && offset + length <= Start + Length;
    }
}
