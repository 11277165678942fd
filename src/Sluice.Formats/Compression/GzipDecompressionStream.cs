namespace Sluice.Formats.Compression;

/// <summary>
/// Decompresses gzip (RFC 1952) with any number of members, as image layers have them. Unlike
/// <see cref="System.IO.Compression.GZipStream"/> it treats truncation and trailing bytes as errors; zero bytes after
/// the last member are padding.
/// </summary>
public sealed class GzipDecompressionStream : DecompressionStream
{
    private const string Format = "gzip";
    private const byte FirstByte = 0x1F;

    private readonly RuntimeInflater _inflater = new(ZlibLibrary.GzipWindow);
    private bool _inMember;
    private bool _hadMember;
    private bool _inPadding;

    public GzipDecompressionStream(Stream source, bool leaveOpen = false)
        : base(source, leaveOpen)
    {
    }

    private protected override int Decode(ReadOnlySpan<byte> input, Span<byte> output, out int consumed)
    {
        consumed = 0;
        if (!_inMember && !TryBegin(input, out consumed)) return 0;
        int result = _inflater.Inflate(input, output, out consumed, out int written);
        if (result == ZlibLibrary.StreamEnd) _inMember = false;
        else if (result is not (ZlibLibrary.Ok or ZlibLibrary.BufferError)) throw Invalid(_inflater.Message, consumed);
        return written;
    }

    private protected override void CheckEnd()
    {
        if (_inMember || !_hadMember) throw Invalid("the source ends too early", 0);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _inflater.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Between members: skips padding, begins the next member if there is one.</summary>
    private bool TryBegin(ReadOnlySpan<byte> input, out int consumed)
    {
        consumed = 0;
        if (input.IsEmpty) return false;
        if (_hadMember && (_inPadding || input[0] == 0))
        {
            _inPadding = true;
            int other = input.IndexOfAnyExcept((byte)0);
            consumed = other < 0 ? input.Length : other;
            if (other >= 0) throw Invalid("other bytes follow the padding after the last member", consumed);
            return false;
        }

        if (_hadMember && input[0] != FirstByte) throw Invalid("bytes that are not gzip follow the last member", 0);
        _inflater.Reset();
        _inMember = true;
        _hadMember = true;
        return true;
    }

    private InvalidFormatException Invalid(string message, int ahead) => new(Format, message, SourcePosition + ahead);
}
