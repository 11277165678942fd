using Sluice.Build.Commit;
using Sluice.Build.Look;
using Sluice.Formats;
using Sluice.Formats.Trees;

namespace Sluice.Build.Unpack;

/// <summary>A layer in a directory, as overlayfs takes it.</summary>
public sealed class UnpackedLayer
{
    private readonly IReadOnlyList<FileName> _implicit;

    /// <param name="directory">Holds the layer's tree.</param>
    /// <param name="implicitDirectories">Absolute paths in it.</param>
    internal UnpackedLayer(string directory, IReadOnlyList<FileName> implicitDirectories) => (Root, _implicit) = (directory, implicitDirectories);

    /// <summary>The root of the layer's tree.</summary>
    public string Root { get; }

    /// <summary>
    /// Directories that the layer has no entry for get the attributes that they have in the layers below: overlayfs shows those of the topmost directory. What they hold of their own, an opaque mark, stays.
    /// </summary>
    /// <param name="lowers">Directories of the layers below, nearest first.</param>
    /// <exception cref="SluiceException">The disk failed, or does not take an attribute.</exception>
    public void TakeAttributes(IReadOnlyList<string> lowers)
    {
        var warnings = new UnpackWarnings();
        var attributes = new InodeAttributes(warnings);
        using var open = new OpenDirectories(Root);
        foreach (FileName path in _implicit)
        {
            if (LowerDirectories.Find(lowers, path) is not { } lower) continue;
            Inode wanted = Inode.NewDirectory(lower.Mode);
            (wanted.UserId, wanted.GroupId, wanted.ModificationTime) = (lower.UserId, lower.GroupId, lower.ModificationTime);
            wanted.ExtendedAttributes = [.. lower.Attributes.Where(attribute => !attribute.Name.Bytes.StartsWith("trusted."u8))];
            attributes.Set(open.Open(path.Bytes), ".\0"u8.ToArray(), wanted, PrintableName.Of(path));
        }

        warnings.Check();
    }
}
