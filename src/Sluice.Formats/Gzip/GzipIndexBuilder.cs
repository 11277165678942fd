using Sluice.Formats.Compression;

namespace Sluice.Formats.Gzip;

/// <summary>
/// Makes an index while a gzip file of one member is decoded front to back: <see cref="Decode"/> inflates what it is given and sets a
/// checkpoint at the first block boundary in every <c>distance</c> bytes of output. Not thread-safe.
/// </summary>
public sealed class GzipIndexBuilder : IDisposable
{
    private readonly RawInflater _inflater = new();
    private readonly List<GzipCheckpoint> _checkpoints = [];
    private readonly byte[] _window = new byte[RawInflater.WindowSize];
    private readonly int _distance;
    private int _windowLength;
    private long _last;

    /// <param name="headerLength">Bytes of the gzip member's header; the input of <see cref="Decode"/> begins behind it.</param>
    /// <param name="distance">Bytes of output between checkpoints, at least.</param>
    public GzipIndexBuilder(int headerLength, int distance = 1 << 20)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(distance);
        _distance = distance;
        CompressedPosition = headerLength;
        _inflater.Start();
        _checkpoints.Add(GzipCheckpoint.Create(0, headerLength, 0, default));
    }

    /// <summary>Uncompressed bytes so far.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes of the gzip file so far, header included.</summary>
    public long CompressedPosition { get; private set; }

    /// <summary>The deflate stream has ended.</summary>
    public bool Ended { get; private set; }

    /// <summary>Inflates a part, up to the end of a block at most.</summary>
    /// <param name="output">At least 1 byte.</param>
    /// <returns>Bytes written. None consumed and none written: more input is needed.</returns>
    /// <exception cref="InvalidFormatException">The input is not deflate.</exception>
    public int Decode(ReadOnlySpan<byte> input, Span<byte> output, out int consumed)
    {
        consumed = 0;
        if (Ended) return 0;
        Ended = _inflater.Inflate(input, output, out consumed, out int written, stopAtBlocks: true);
        Position += written;
        CompressedPosition += consumed;
        Remember(output[..written]);
        if (!Ended && _inflater.AtBlockEnd && !_inflater.InLastBlock && Position - _last >= _distance)
        {
            _last = Position;
            _checkpoints.Add(GzipCheckpoint.Create(Position, CompressedPosition, _inflater.UnusedBits, _window.AsSpan(0, _windowLength)));
        }

        return written;
    }

    /// <summary>The index of what was decoded.</summary>
    /// <param name="compressedLength">Bytes of the whole gzip file, with its trailer.</param>
    public GzipIndex Complete(long compressedLength) => new()
    {
        Distance = _distance,
        CompressedLength = compressedLength,
        Length = Position,
        Checkpoints = [.. _checkpoints],
    };

    public void Dispose() => _inflater.Dispose();

    private void Remember(ReadOnlySpan<byte> output)
    {
        if (output.Length > _window.Length) output = output[^_window.Length..];
        int kept = Math.Min(_windowLength, _window.Length - output.Length);
        _window.AsSpan(_windowLength - kept, kept).CopyTo(_window);
        output.CopyTo(_window.AsSpan(kept));
        _windowLength = kept + output.Length;
    }
}
