using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Images;

/// <summary>
/// The last few ranges that were fetched from blobs of a source, so that reading about in blob order costs few large fetches. Memory is
/// bounded, whatever the number of blobs. Not for concurrent use.
/// </summary>
/// <param name="count">Ranges that are kept: as many blobs as are read in turns.</param>
internal sealed class BlobWindows(IBlobSource source, int count)
{
    private readonly Window[] _windows = [.. Enumerable.Range(0, count).Select(_ => new Window())];
    private long _uses;

    public long BytesFetched { get; private set; }

    /// <summary>Bytes of a blob, valid until the next call.</summary>
    /// <param name="wanted">Bytes from <paramref name="offset"/> on that are fetched if the range is not at hand: what will be asked for next. The blob has them.</param>
    public async ValueTask<ReadOnlyMemory<byte>> FetchAsync(Digest blob, long offset, int length, int wanted, CancellationToken cancellation)
    {
        Window held = Find(blob, offset, length);
        held.LastUse = ++_uses;
        if (!held.Holds(blob, offset, length))
        {
            int fetched = Math.Max(length, wanted);
            if (held.Buffer.Length < fetched) held.Buffer = GC.AllocateUninitializedArray<byte>(fetched);
            held.Length = 0;
            await source.ReadAsync(blob, offset, held.Buffer.AsMemory(0, fetched), cancellation);
            BytesFetched += fetched;
            (held.Blob, held.Start, held.Length) = (blob, offset, fetched);
        }

        return held.Buffer.AsMemory((int)(offset - held.Start), length);
    }

    /// <summary>The window that holds the range, or the one that has not been used for longest.</summary>
    private Window Find(Digest blob, long offset, int length)
    {
        Window oldest = _windows[0];
        foreach (Window window in _windows)
        {
            if (window.Holds(blob, offset, length)) return window;
            if (window.LastUse < oldest.LastUse) oldest = window;
        }

        return oldest;
    }

    private sealed class Window
    {
        public byte[] Buffer { get; set; } = [];

        public Digest Blob { get; set; }

        public long Start { get; set; }

        public int Length { get; set; }

        public long LastUse { get; set; }

        public bool Holds(Digest blob, long offset, int length) => offset >= Start && offset + length <= Start + Length && Blob == blob;
    }
}
