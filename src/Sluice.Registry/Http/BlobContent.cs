using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.Win32.SafeHandles;

namespace Sluice.Registry.Http;

/// <summary>Sends a part of a file.</summary>
internal static class BlobContent
{
    /// <summary>
    /// Bytes that are read at once, straight into the response's buffer: costs less CPU than the kernel's sendfile
    /// through Kestrel, which copies in 16 KiB pieces.
    /// </summary>
    public const int BufferSize = 256 << 10;

    public static async Task SendAsync(HttpResponse response, SafeFileHandle file, ByteRange range, CancellationToken cancellationToken)
    {
        PipeWriter writer = response.BodyWriter;
        (long offset, long left) = range;
        while (left > 0)
        {
            int most = (int)Math.Min(left, BufferSize);
            int read = RandomAccess.Read(file, writer.GetMemory(most).Span[..most], offset);
            if (read == 0) throw new EndOfStreamException("a blob is shorter than it was");
            writer.Advance(read);
            offset += read;
            left -= read;
            FlushResult flushed = await writer.FlushAsync(cancellationToken);
            if (flushed.IsCompleted) return;
        }
    }
}
