using Sluice.Build.Layers;
using Sluice.Formats;
using Sluice.Formats.Trees;

namespace Sluice.Build.Look;

/// <summary>Finds files in images by path, with the image's root as <c>/</c>: links in the image never lead out of it.</summary>
public static class ImageLookup
{
    /// <param name="path">Absolute, or relative to the root.</param>
    /// <param name="followLast">Whether a symbolic link in the last component is followed, too.</param>
    /// <exception cref="SluiceException"><see cref="SluiceError.NotFound"/>: nothing there, or links in a circle.</exception>
    public static Inode Find(ImageContents image, FileName path, bool followLast)
    {
        // A trailing slash means the directory behind a link, as it does for the kernel.
        bool follow = followLast || path.Bytes.EndsWith("/"u8);
        return (follow ? TreePaths.FindFollowing(image.Root, path) : TreePaths.FindFollowingParents(image.Root, path))
            ?? throw new SluiceException(SluiceError.NotFound, path.ToString(), "no such file in the image");
    }
}
