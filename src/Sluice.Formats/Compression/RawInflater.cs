namespace Sluice.Formats.Compression;

/// <summary>
/// Raw deflate (RFC 1951) that can start in the middle of a stream, for random access into gzip: at a block boundary,
/// given the bits of the byte before it that belong to the block and the 32 KiB of output before it. While decoding from
/// the beginning it can stop at every block boundary, so that such places can be recorded. Not safe for concurrent use.
/// </summary>
public sealed unsafe class RawInflater : IDisposable
{
    /// <summary>The window of deflate in bytes: the longest useful dictionary.</summary>
    public const int WindowSize = 32 << 10;

    private const string Format = "deflate";

    private readonly ZlibContext _context;

    /// <exception cref="SluiceException">libz is missing.</exception>
    public RawInflater()
    {
        try
        {
            _context = ZlibContext.ForInflate(ZlibLibrary.RawWindow);
        }
        catch (Exception e) when (NativeCodec.IsMissing(e))
        {
            throw NativeCodec.Missing(Compressor.Gzip, e);
        }
    }

    /// <summary>Bits (0 … 7) of the last consumed byte that are not used yet. Valid when <see cref="AtBlockEnd"/>.</summary>
    public int UnusedBits => _context.Stream->DataType & 7;

    /// <summary>The last call stopped right after a block (or the start): a place where decoding can start again.</summary>
    public bool AtBlockEnd => (_context.Stream->DataType & 128) != 0;

    /// <summary>The block that is being decoded, or that just ended, is the last of its stream.</summary>
    public bool InLastBlock => (_context.Stream->DataType & 64) != 0;

    /// <summary>Prepares for a new stream or a new place.</summary>
    /// <param name="bits">Number of bits (0 … 7) of <paramref name="lastByte"/> that belong to the block: its highest ones.</param>
    /// <param name="lastByte">The byte before the input that follows.</param>
    /// <param name="dictionary">Output before this place, at most <see cref="WindowSize"/> bytes; empty at the start of a stream.</param>
    public void Start(int bits = 0, byte lastByte = 0, ReadOnlySpan<byte> dictionary = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 7);
        if (dictionary.Length > WindowSize) throw new ArgumentException("longer than the window", nameof(dictionary));
        ZlibLibrary.ZStream* stream = _context.Stream;
        _context.Reset(ZlibLibrary.RawWindow);
        if (bits > 0) Check(ZlibLibrary.InflatePrime(stream, bits, lastByte >> (8 - bits)), 0);
        fixed (byte* start = dictionary)
        {
            if (start is not null) Check(ZlibLibrary.InflateSetDictionary(stream, start, (uint)dictionary.Length), 0);
        }
    }

    /// <summary>Decodes until the output is full, the input is used up, the stream ends or, on request, a block ends.</summary>
    /// <returns>True when the deflate stream has ended; what follows in the input (a gzip trailer) is not consumed.</returns>
    /// <exception cref="InvalidFormatException">The input is not deflate. The offset is relative to <paramref name="input"/>.</exception>
    public bool Inflate(ReadOnlySpan<byte> input, Span<byte> output, out int consumed, out int written, bool stopAtBlocks = false)
    {
        ZlibLibrary.ZStream* stream = _context.Stream;
        byte none = 0;
        fixed (byte* from = input, to = output)
        {
            stream->NextIn = from is null ? &none : from;
            stream->AvailableIn = (uint)input.Length;
            stream->NextOut = to is null ? &none : to;
            stream->AvailableOut = (uint)output.Length;
            int result = ZlibLibrary.Inflate(stream, stopAtBlocks ? ZlibLibrary.Block : ZlibLibrary.NoFlush);
            consumed = input.Length - (int)stream->AvailableIn;
            written = output.Length - (int)stream->AvailableOut;
            if (result == ZlibLibrary.StreamEnd) return true;
            if (result != ZlibLibrary.BufferError) Check(result, consumed);
            return false;
        }
    }

    public void Dispose() => _context.Dispose();

    private void Check(int result, int offset)
    {
        if (result != ZlibLibrary.Ok) throw new InvalidFormatException(Format, _context.Message(result), offset);
    }
}
