using Sluice.Formats.Rafs.Blobs;

namespace Sluice.Storage.Images;

/// <summary>
/// The last few ranges that were fetched from the blobs of an image, so that reading in blob order costs few large fetches even where
/// files share chunks with other layers. Memory is bounded, whatever the number of blobs. Not for concurrent use.
/// </summary>
/// <param name="size">Bytes that one fetch asks for at least, where the blob has them.</param>
internal sealed class FetchWindows(RemoteRafsImage image, int size)
{
    private const int Count = 4;

    private readonly Window[] _windows = [.. Enumerable.Range(0, Count).Select(_ => new Window())];
    private readonly long[] _ends = new long[image.Image.Blobs.Count];
    private long _uses;

    public long BytesFetched { get; private set; }

    /// <summary>Bytes of a blob, valid until the next call.</summary>
    /// <param name="wanted">How many bytes from <paramref name="offset"/> on will be asked for next.</param>
    public async ValueTask<ReadOnlyMemory<byte>> FetchAsync(int blob, ChunkDecoder decoder, long offset, int length, int wanted, CancellationToken cancellation)
    {
        Window held = Find(blob, offset, length);
        held.LastUse = ++_uses;
        if (!held.Holds(blob, offset, length))
        {
            long end = Math.Max(offset + length, Math.Min(offset + Math.Max(size, wanted), EndOfData(blob, decoder)));
            int count = (int)(end - offset);
            if (held.Buffer.Length < count) held.Buffer = GC.AllocateUninitializedArray<byte>(count);
            held.Blob = -1;
            await image.Source.Store.ReadAsync(RemoteRafsImage.DigestOf(decoder.Blob), offset, held.Buffer.AsMemory(0, count), cancellation);
            BytesFetched += count;
            (held.Blob, held.Start, held.Length) = (blob, offset, count);
        }

        return held.Buffer.AsMemory((int)(offset - held.Start), length);
    }

    /// <summary>The window that holds the range, or the one that has not been used for longest.</summary>
    private Window Find(int blob, long offset, int length)
    {
        Window oldest = _windows[0];
        foreach (Window window in _windows)
        {
            if (window.Holds(blob, offset, length)) return window;
            if (window.LastUse < oldest.LastUse) oldest = window;
        }

        return oldest;
    }

    private long EndOfData(int blob, ChunkDecoder decoder)
    {
        if (_ends[blob] == 0)
        {
            for (int unit = 0; unit < decoder.UnitCount; unit++) _ends[blob] = Math.Max(_ends[blob], decoder.GetUnit(unit).CompressedEnd);
        }

        return _ends[blob];
    }

    private sealed class Window
    {
        public byte[] Buffer { get; set; } = [];

        public int Blob { get; set; } = -1;

        public long Start { get; set; }

        public int Length { get; set; }

        public long LastUse { get; set; }

        public bool Holds(int blob, long offset, int length) => Blob == blob && offset >= Start && offset + length <= Start + Length;
    }
}
