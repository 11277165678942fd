using Sluice.Formats;
using Sluice.Formats.Rafs;
using Sluice.Storage.Disks;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>
/// What a lazy image is made of, as its metadata says: a RAFS bootstrap, or the tables of a block image. Which of them shows in the bytes
/// themselves; nothing else of the node knows formats.
/// </summary>
internal abstract class ImageContent
{
    /// <param name="metadata">As it is kept in <c>image.boot</c>.</param>
    /// <exception cref="InvalidFormatException">Neither of them, or damaged.</exception>
    public static ImageContent Parse(ReadOnlyMemory<byte> metadata) =>
        BlockStackFile.IsMatch(metadata.Span) ? new BlockContent(BlockStackFile.Read(metadata)) : new RafsContent(RafsReader.Read(metadata));

    /// <summary>Opens the disks, which are then the caller's.</summary>
    /// <param name="key">Names the disks; unique among the mounted images.</param>
    /// <param name="image">The same image: where its metadata is, and its blobs.</param>
    /// <param name="onLoop">EROFS can't be mounted from files.</param>
    /// <exception cref="SluiceException">A disk can't be opened, or nothing is on it that could be mounted. Nothing stays open.</exception>
    public abstract Task<OpenedImage> OpenAsync(ImageDisks opener, IImageStore store, string key, LocalImage image, bool onLoop, CancellationToken cancellation);

    /// <summary>Opens the disks of an image that is mounted already, in the same order; without network where it was read before.</summary>
    /// <inheritdoc cref="OpenAsync"/>
    public abstract Task<IReadOnlyList<IDisk>> OpenDisksAsync(ImageDisks opener, IImageStore store, string key, LocalImage image, bool onLoop, CancellationToken cancellation);
}
