using Sluice.Formats;

namespace Sluice.Storage.Sources.Registries;

/// <summary>A <see cref="BlobDownload"/> as a forward-only stream.</summary>
internal sealed class BlobDownloadStream(BlobDownload download) : ForwardStream
{
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => download.ReadAsync(buffer, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing) download.Dispose();
        base.Dispose(disposing);
    }
}
