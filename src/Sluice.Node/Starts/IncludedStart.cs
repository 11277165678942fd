using Sluice.Formats.Oci;
using Sluice.Formats.Prefetch;
using Sluice.Node.Images;
using Sluice.Storage.Images;
using Sluice.Storage.Traces;
using OverlayBdTrace = Sluice.Formats.OverlayBd.TraceFile;

namespace Sluice.Node.Starts;

/// <summary>
/// What an image says itself that its start needs: a RAFS image in Nydus's prefetch files, which come with its bootstrap, or else in the prefetch table; a block image in the trace, or the list of paths, in its
/// acceleration layer.
/// </summary>
internal static class IncludedStart
{
    /// <param name="find">The image at its source, to look for files on a block image; the store is closed.</param>
    /// <returns>Null: it says nothing.</returns>
    /// <exception cref="Formats.SluiceException">What it says is damaged, or can't be looked up.</exception>
    public static async Task<StartTrace?> ReadAsync(LocalImage image, Func<Task<StoredImage>> find, CancellationToken cancellation)
    {
        Digest manifest = image.Record.Manifest;
        ReadOnlyMemory<byte> list = image.StartList;
        return image.Content switch
        {
            RafsContent rafs when list.IsEmpty => ListedStart.OfTable(manifest, rafs.Image),
            RafsContent rafs => ListedStart.OfFiles(manifest, rafs.Image, PrefetchFiles.Read(list)),
            BlockContent when list.IsEmpty => null,
            BlockContent blocks when OverlayBdTrace.IsMatch(list.Span) => ListedStart.OfRecords(manifest, OverlayBdTrace.Read(list.Span), [.. blocks.Stack.Layers.Select(layer => layer.Blob)]),
            _ => await FindFilesAsync(manifest, PriorityList.Read(list.Span), await find(), cancellation),
        };
    }

    private static Task<StartTrace?> FindFilesAsync(Digest manifest, IReadOnlyList<FileRange> files, StoredImage stored, CancellationToken cancellation) =>
        BlockTree.ReadAsync(stored, (tree, image) => ListedStart.OfFiles(manifest, tree, image.Index, [.. image.Layers.Select(layer => layer.Descriptor.Digest)], files), cancellation);
}
