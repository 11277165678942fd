using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Fetching;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>Where the metadata of an image to mount is: here already, or at its source. Exactly one of the two is set.</summary>
/// <param name="Warning">What whoever mounts it should know, or null.</param>
internal sealed record ImageLocation(LocalImage? Here, StoredImage? There, string? Warning = null)
{
    /// <summary>
    /// A digest that is known here never changes its meaning, so nobody is asked. A tag is asked for; while its registry can't be
    /// reached it means what it meant the last time.
    /// </summary>
    /// <param name="name">Under which the image was remembered.</param>
    /// <param name="fetch">Its deadline bounds the asking; where there is something to fall back on, the time of one attempt does.</param>
    /// <exception cref="SluiceException">No such image, or the source can't be reached and the name isn't known here.</exception>
    public static async Task<ImageLocation> FindAsync(
        LocalImages images, IImageStore store, ImageReference reference, Platform platform, string name, FetchOptions fetch, CancellationToken cancellation)
    {
        if (reference.Digest is { } digest && (images.Load(digest) ?? images.Recall(name)) is { } known) return new ImageLocation(known, null);
        try
        {
            return new ImageLocation(null, await SourceDeadline.AskAsync(
                images.Remembers(name) ? fetch.AttemptTimeout : fetch.RequestDeadline, store, $"the manifest of {reference}",
                token => ImageResolver.ResolveAsync(store, reference.TagOrDigest, platform, preferAccelerated: true, token), cancellation));
        }
        catch (SluiceException away) when (away.Error == SluiceError.Timeout || away.MayPassIn is not null)
        {
            if (images.Recall(name) is not { } last) throw;
            return new ImageLocation(last, null, $"{store.Name} can't be reached, so {reference} is what it was the last time, manifest {last.Record.Manifest}: {away.Message}");
        }
    }
}
