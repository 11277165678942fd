using System.Buffers;

namespace Sluice.Formats.Compression;

/// <summary>What the decompressing streams share: reading the source in blocks, forward only.</summary>
public abstract class DecompressionStream : ForwardStream
{
    private const int InputSize = 64 << 10;

    private readonly Stream _source;
    private readonly bool _leaveOpen;
    private byte[]? _input = ArrayPool<byte>.Shared.Rent(InputSize);
    private int _start;
    private int _end;
    private bool _sourceEnded;

    private protected DecompressionStream(Stream source, bool leaveOpen)
    {
        _source = source;
        _leaveOpen = leaveOpen;
    }

    /// <summary>Compressed bytes used so far.</summary>
    public long SourcePosition { get; private set; }

    /// <exception cref="InvalidFormatException">The source is corrupt, truncated, or goes on with other bytes.</exception>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty) return 0;
        while (true)
        {
            if (TryDecode(buffer, out int written)) return written;
            Filled(_source.Read(Input, 0, InputSize));
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty) return 0;
        while (true)
        {
            if (TryDecode(buffer.Span, out int written)) return written;
            Filled(await _source.ReadAsync(Input.AsMemory(0, InputSize), cancellationToken));
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <summary>Decodes some of <paramref name="input"/>, which may be empty, into <paramref name="output"/>, which is not.</summary>
    /// <returns>Bytes written. If nothing was written or consumed, more input is needed.</returns>
    private protected abstract int Decode(ReadOnlySpan<byte> input, Span<byte> output, out int consumed);

    /// <summary>Called when the source has ended and is used up: throws if something is missing.</summary>
    private protected abstract void CheckEnd();

    protected override void Dispose(bool disposing)
    {
        if (disposing && _input is { } input)
        {
            _input = null;
            ArrayPool<byte>.Shared.Return(input);
            if (!_leaveOpen) _source.Dispose();
        }

        base.Dispose(disposing);
    }

    private byte[] Input => _input ?? throw new ObjectDisposedException(GetType().Name);

    /// <returns>False if more input is needed.</returns>
    private bool TryDecode(Span<byte> output, out int written)
    {
        int consumed;
        do
        {
            written = Decode(Input.AsSpan(_start, _end - _start), output, out consumed);
            _start += consumed;
            SourcePosition += consumed;
            if (written > 0) return true;
        }
        while (consumed > 0);

        if (!_sourceEnded) return false;
        CheckEnd();
        return true;
    }

    private void Filled(int count)
    {
        _start = 0;
        _end = count;
        _sourceEnded = count == 0;
    }
}
