using Sluice.Formats.Trees;
using Sluice.Storage.Images;

namespace Sluice.Build.Look;

/// <summary>The contents of a RAFS image, read chunk by chunk from its blobs.</summary>
internal sealed class RafsContents(RemoteRafsImage image, int window) : ImageContents(image.Source)
{
    private readonly RafsContentReader _reader = new(image, window);

    public RemoteRafsImage Rafs => image;

    public override Inode Root => image.Image.Root;

    public override long BytesFetched => image.Source.BootstrapLayer!.Size + _reader.BytesFetched;

    public override async Task ReadAsync(IReadOnlyCollection<Inode> files, IFileSink sink, CancellationToken cancellation)
    {
        foreach (Inode file in files.OrderBy(RafsContentReader.OrderOf))
        {
            await sink.BeginAsync(file, cancellation);
            await _reader.ReadAsync(file, piece => sink.WriteAsync(piece, cancellation), cancellation);
            await sink.EndAsync(cancellation);
        }
    }
}
