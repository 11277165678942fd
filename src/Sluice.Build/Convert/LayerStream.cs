using Sluice.Formats;
using Sluice.Formats.Compression;
using Sluice.Formats.Oci;

namespace Sluice.Build.Convert;

/// <summary>The tar inside a layer blob, whatever it is compressed with; the first bytes decide, media types are often wrong.</summary>
internal static class LayerStream
{
    public static Stream Open(Stream blob, Descriptor layer)
    {
        byte[] start = new byte[4];
        int length = blob.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        var whole = new PrefixedStream(start.AsMemory(0, length), blob);
        ReadOnlySpan<byte> magic = start.AsSpan(0, length);
        if (magic.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B])) return new GzipDecompressionStream(whole); // strict about truncation, unlike GZipStream
        if (magic.SequenceEqual((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD])) return new ZstdDecompressionStream(whole);
        if (magic.StartsWith("BZh"u8) || magic.StartsWith((ReadOnlySpan<byte>)[0xFD, 0x37, 0x7A, 0x58]))
        {
            throw new InvalidFormatException("layer", $"{layer.Digest} is compressed with bzip2 or xz; the OCI image specification has gzip and zstd");
        }

        return whole;
    }

    /// <summary>A stream whose first bytes have been read already.</summary>
    private sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest) : Stream
    {
        private ReadOnlyMemory<byte> _prefix = prefix;

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
            if (_prefix.IsEmpty) return rest.Read(buffer);
            int length = Math.Min(buffer.Length, _prefix.Length);
            _prefix.Span[..length].CopyTo(buffer);
            _prefix = _prefix[length..];
            return length;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) rest.Dispose();
            base.Dispose(disposing);
        }
    }
}
