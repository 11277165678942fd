using System.Buffers;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources;

/// <summary>Moving the bytes of a blob where nothing better is possible.</summary>
internal static class BlobCopy
{
    private const int BufferSize = 256 << 10;

    /// <summary>Streams a blob from one store into another, verified on the way.</summary>
    public static async Task StreamAsync(IImageStore from, IImageStore to, Descriptor blob, CancellationToken cancellation)
    {
        await using Stream content = await from.OpenBlobAsync(blob, cancellation).ConfigureAwait(false);
        await using IBlobUpload upload = await to.StartUploadAsync(cancellation).ConfigureAwait(false);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            int read;
            while ((read = await content.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0)
            {
                await upload.WriteAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        await upload.CommitAsync(blob.Digest, cancellation).ConfigureAwait(false);
    }
}
