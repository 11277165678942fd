using Sluice.Formats.Trees;

namespace Sluice.Build.Layers;

/// <summary>
/// What one layer's tar says, before it meets the layers below: entries, whiteouts (<c>.wh.*</c> files, kept as they are),
/// directories that only exist because an entry lies in them, and hard links to files that only a lower layer can have.
/// </summary>
public sealed class LayerTree
{
    public Inode Root { get; init; } = Inode.NewDirectory();

    /// <summary>Directories that the tar has no entry for. Over a lower directory they change nothing; over a lower symbolic link they follow it.</summary>
    public HashSet<Inode> ImplicitDirectories { get; } = [];

    /// <summary>Hard links whose target is not in this layer: directory and name to the path that they name in the layers below.</summary>
    public Dictionary<(Inode Directory, FileName Name), FileName> LowerLinks { get; } = [];
}
