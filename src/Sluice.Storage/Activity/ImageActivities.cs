using System.Collections.Concurrent;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Activity;

/// <summary>
/// The activity of all images of a node, by the digest of their manifest. It outlives mounts: what a start cost is still known when its
/// container has ended, until the image is forgotten. All members may be called concurrently.
/// </summary>
public sealed class ImageActivities(TimeProvider? time = null)
{
    private readonly ConcurrentDictionary<Digest, ImageActivity> _images = [];

    /// <summary>By the digest of the manifest.</summary>
    public IReadOnlyDictionary<Digest, ImageActivity> All => _images;

    /// <summary>The activity of an image that is about to be used.</summary>
    /// <param name="name">Counts if the image is not known yet.</param>
    public ImageActivity Of(Digest manifest, string name) => _images.GetOrAdd(manifest, static (_, more) => new ImageActivity(more.name, more.time), (name, time));

    /// <summary>Null: nothing was done for the image.</summary>
    public ImageActivity? Find(Digest manifest) => _images.GetValueOrDefault(manifest);

    /// <summary>The image has gone. Readers that are still open go on counting for nobody.</summary>
    public void Forget(Digest manifest) => _images.TryRemove(manifest, out _);

    /// <summary>How many reads of all images wait now, and how many of them longer than a limit.</summary>
    public (int Waiting, int Longer) CountInFlight(TimeSpan limit)
    {
        (int waiting, int longer) = (0, 0);
        foreach (ImageActivity image in _images.Values)
        {
            (int some, int old) = image.CountInFlight(limit);
            (waiting, longer) = (waiting + some, longer + old);
        }

        return (waiting, longer);
    }
}
