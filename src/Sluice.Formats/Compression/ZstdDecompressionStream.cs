namespace Sluice.Formats.Compression;

/// <summary>
/// Decompresses zstd (RFC 8878) with any number of frames, as image layers have them; skippable frames are skipped.
/// Truncation and trailing bytes are errors. Windows above 128 MiB are refused.
/// </summary>
public sealed unsafe class ZstdDecompressionStream : DecompressionStream
{
    private const string Format = "zstd";

    /// <summary>The most that a stream may make us allocate; what the zstd tool accepts by default, and all levels but <c>--ultra --long</c> need.</summary>
    private const int MaxWindowLog = 27;

    private readonly ZstdContext _context;
    private bool _inFrame;
    private bool _hadFrame;

    /// <exception cref="SluiceException">libzstd is missing.</exception>
    public ZstdDecompressionStream(Stream source, bool leaveOpen = false)
        : base(source, leaveOpen)
    {
        try
        {
            _context = ZstdContext.ForDecompression();
            ZstdLibrary.SetParameter(_context.Handle, ZstdLibrary.WindowLogMax, MaxWindowLog);
        }
        catch (Exception e) when (NativeCodec.IsMissing(e))
        {
            throw NativeCodec.Missing(Compressor.Zstd, e);
        }
    }

    private protected override int Decode(ReadOnlySpan<byte> input, Span<byte> output, out int consumed)
    {
        consumed = 0;
        if (!_inFrame && input.IsEmpty) return 0;
        fixed (byte* from = input, to = output)
        {
            ZstdLibrary.Buffer source = new() { Start = from, Size = (nuint)input.Length };
            ZstdLibrary.Buffer destination = new() { Start = to, Size = (nuint)output.Length };
            nuint result = ZstdLibrary.DecompressStream(_context.Handle, &destination, &source);
            consumed = (int)source.Position;
            if (ZstdLibrary.IsError(result)) throw Invalid(ZstdLibrary.ErrorName(result), consumed);
            _inFrame = result != 0;
            _hadFrame = true;
            return (int)destination.Position;
        }
    }

    private protected override void CheckEnd()
    {
        if (_inFrame || !_hadFrame) throw Invalid("the source ends too early", 0);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _context.Dispose();
        base.Dispose(disposing);
    }

    private InvalidFormatException Invalid(string message, int ahead) =>
        new(Format, _hadFrame && !_inFrame ? $"after the last frame: {message}" : message, SourcePosition + ahead);
}
