using System.Buffers.Binary;
using Sluice.Formats.Compression.Deflate;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Compression;

/// <summary>
/// Decompresses gzip (RFC 1952) with any number of members, as image layers have them. Unlike
/// <see cref="System.IO.Compression.GZipStream"/> it treats truncation and trailing bytes as errors; zero bytes after
/// the last member are padding.
/// </summary>
public sealed class GzipDecompressionStream : DecompressionStream
{
    private const string Format = "gzip";
    private const int HeaderSize = 10;
    private const int TrailerSize = 8;
    private const int MaxHeader = 48 << 10; // names and comments are short

    private readonly DeflateInput _input = new();
    private readonly DeflateWindow _window = new();
    private readonly DeflateDecoder _decoder;
    private Stage _stage;
    private bool _hadMember;

    public GzipDecompressionStream(Stream source, bool leaveOpen = false)
        : base(source, leaveOpen) => _decoder = new DeflateDecoder(_input, _window);

    private enum Stage
    {
        Header,
        Content,
        Trailer,
        Padding,
    }

    [Flags]
    private enum HeaderFlags : byte
    {
        None = 0,
        Text = 1,
        Checksum = 2,
        Extra = 4,
        Name = 8,
        Comment = 16,
    }

    private protected override int Decode(ReadOnlySpan<byte> input, Span<byte> output, out int consumed)
    {
        consumed = _input.Add(input);
        if (SourceEnded) _input.End();
        try
        {
            while (_window.Pending.IsEmpty && Step())
            {
            }
        }
        catch (InvalidDataException exception)
        {
            throw Invalid(exception.Message, consumed);
        }

        return _window.Take(output);
    }

    private protected override void CheckEnd()
    {
        if (!_hadMember || _stage is Stage.Content or Stage.Trailer || !_input.Rest.IsEmpty) throw Invalid("the source ends too early", 0);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _decoder.Dispose();
            _input.Dispose();
            _window.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <returns>False if there is no going on without more input.</returns>
    private bool Step()
    {
        switch (_stage)
        {
            case Stage.Header:
                return TryReadHeader(_input.Rest);
            case Stage.Content:
                if (!_decoder.Run()) return false;
                _stage = Stage.Trailer;
                return true;
            case Stage.Trailer:
                ReadOnlySpan<byte> rest = _input.Rest;
                if (rest.Length < TrailerSize) return false;
                if (BinaryPrimitives.ReadUInt32LittleEndian(rest) != _window.Checksum) throw new InvalidDataException("the checksum is wrong");
                if (BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]) != _window.Length) throw new InvalidDataException("the length is wrong");
                _input.Skip(TrailerSize);
                (_stage, _hadMember) = (Stage.Header, true);
                return true;
            default:
                int other = _input.Rest.IndexOfAnyExcept((byte)0);
                _input.Skip(other < 0 ? _input.Rest.Length : other);
                if (other >= 0) throw new InvalidDataException("other bytes follow the padding after the last member");
                return false;
        }
    }

    private bool TryReadHeader(ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty) return false;
        if (_hadMember && rest[0] == 0)
        {
            _stage = Stage.Padding;
            return true;
        }

        if (rest[0] != 0x1F || (rest.Length > 1 && rest[1] != 0x8B)) throw new InvalidDataException(_hadMember ? "bytes that are not gzip follow the last member" : "this is not gzip");
        if (rest.Length < HeaderSize) return false;
        var flags = (HeaderFlags)rest[3];
        if (rest[2] != 8 || (flags & ~(HeaderFlags.Text | HeaderFlags.Checksum | HeaderFlags.Extra | HeaderFlags.Name | HeaderFlags.Comment)) != 0) throw new InvalidDataException("an unknown kind of compression");
        if (!TryMeasure(rest, flags, out int length))
        {
            if (rest.Length > MaxHeader) throw new InvalidDataException("the header has no end");
            return false;
        }

        if (flags.HasFlag(HeaderFlags.Checksum) && BinaryPrimitives.ReadUInt16LittleEndian(rest[(length - 2)..]) != (ushort)Crc32.Compute(rest[..(length - 2)]))
            throw new InvalidDataException("the checksum of the header is wrong");
        _input.Skip(length);
        _window.Begin();
        _decoder.Begin();
        _stage = Stage.Content;
        return true;
    }

    /// <summary>The length of the whole header; false if it does not end within <paramref name="rest"/>.</summary>
    private static bool TryMeasure(ReadOnlySpan<byte> rest, HeaderFlags flags, out int length)
    {
        length = HeaderSize;
        if (flags.HasFlag(HeaderFlags.Extra))
        {
            if (rest.Length < length + 2) return false;
            length += 2 + BinaryPrimitives.ReadUInt16LittleEndian(rest[length..]);
            if (rest.Length < length) return false;
        }

        foreach (HeaderFlags text in (ReadOnlySpan<HeaderFlags>)[HeaderFlags.Name, HeaderFlags.Comment])
        {
            if (!flags.HasFlag(text)) continue;
            int end = rest[length..].IndexOf((byte)0);
            if (end < 0) return false;
            length += end + 1;
        }

        if (flags.HasFlag(HeaderFlags.Checksum)) length += 2;
        return rest.Length >= length;
    }

    private InvalidFormatException Invalid(string message, int ahead) => new(Format, message, Math.Max(0, SourcePosition + ahead - Math.Max(0, _input.Left)));
}
