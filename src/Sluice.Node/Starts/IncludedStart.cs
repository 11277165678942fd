using Microsoft.Extensions.Logging;
using Sluice.Formats;
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
internal static partial class IncludedStart
{
    /// <summary>Null also where that can't be used, with a word in the log: the start goes without.</summary>
    /// <param name="name">The image's.</param>
    /// <inheritdoc cref="ReadAsync"/>
    public static async Task<StartTrace?> TryReadAsync(string name, LocalImage image, Func<Task<StoredImage>> find, ILogger logger, CancellationToken cancellation)
    {
        try
        {
            return await ReadAsync(image, find, cancellation);
        }
        catch (Exception exception) when (exception is SluiceException or IOException)
        {
            Log.Useless(logger, name, exception.Message);
            return null;
        }
    }

    /// <param name="find">The image at its source, to look for files on a block image; the store is closed.</param>
    /// <returns>Null: it says nothing.</returns>
    /// <exception cref="SluiceException">What it says is damaged, or can't be looked up.</exception>
    private static async Task<StartTrace?> ReadAsync(LocalImage image, Func<Task<StoredImage>> find, CancellationToken cancellation)
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

    private static partial class Log
    {
        [LoggerMessage(105, LogLevel.Warning, "What {Image} says that its start needs is of no use: {Reason}")]
        public static partial void Useless(ILogger logger, string image, string reason);
    }
}
