using System.Collections.Concurrent;
using System.Security.Cryptography;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Build.Convert;

/// <summary>
/// Hashes a layer's tar while it is read: a thread of its own does it, over copies of what was read, so that the reader pays for
/// copying only. Read to its end, <see cref="Check"/> compares with what the image's configuration says. Does not own <paramref name="tar"/>.
/// </summary>
internal sealed class DiffIdStream(Stream tar) : Stream
{
    private const int PieceSize = 256 << 10;
    private const int Pieces = 4; // what is read may be so far ahead of what is hashed

    private readonly BlockingCollection<(byte[] Buffer, int Length)> _filled = new(Pieces);
    private readonly BlockingCollection<byte[]> _empty = new(new ConcurrentQueue<byte[]>(Enumerable.Range(0, Pieces).Select(_ => GC.AllocateUninitializedArray<byte>(PieceSize))));
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[]? _piece;
    private int _length;
    private Thread? _thread;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        int read = tar.Read(buffer);
        for (ReadOnlySpan<byte> rest = buffer[..read]; !rest.IsEmpty;)
        {
            _piece ??= _empty.Take();
            int length = Math.Min(rest.Length, _piece.Length - _length);
            rest[..length].CopyTo(_piece.AsSpan(_length));
            _length += length;
            rest = rest[length..];
            if (_length == _piece.Length) Send();
        }

        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <summary>After the last byte was read.</summary>
    /// <exception cref="InvalidFormatException">The layer holds something else.</exception>
    public void Check(Digest expected, Descriptor layer)
    {
        Send();
        End();
        Digest actual = Digest.FromSha256(_hash.GetHashAndReset());
        if (actual != expected) throw new InvalidFormatException("layer", $"{layer.Digest} holds {actual}, but the image's configuration promises {expected} (diff id)");
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            End();
            _filled.Dispose();
            _empty.Dispose();
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Send()
    {
        if (_piece is null) return;
        if (_thread is null)
        {
            _thread = new Thread(Hash) { IsBackground = true, Name = "diff id" };
            _thread.Start();
        }

        _filled.Add((_piece, _length));
        (_piece, _length) = (null, 0);
    }

    private void Hash()
    {
        foreach ((byte[] buffer, int length) in _filled.GetConsumingEnumerable())
        {
            _hash.AppendData(buffer, 0, length);
            _empty.Add(buffer);
        }
    }

    private void End()
    {
        if (!_filled.IsAddingCompleted) _filled.CompleteAdding();
        _thread?.Join();
        _thread = null;
    }
}
