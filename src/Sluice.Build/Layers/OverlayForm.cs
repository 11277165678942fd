using Sluice.Formats;
using Sluice.Formats.Trees;

namespace Sluice.Build.Layers;

/// <summary>
/// Turns a layer into what overlayfs takes for one: a whiteout becomes a character device 0:0 under the name that it hides, an opaque mark an attribute of its directory. Other attributes of the
/// namespace <c>trusted.</c> are left out, as containerd leaves them out. Source: the kernel's Documentation/filesystems/overlayfs.rst.
/// </summary>
internal static class OverlayForm
{
    private static readonly ExtendedAttribute Opaque = new(new FileName("trusted.overlay.opaque"), "y"u8.ToArray());

    /// <exception cref="InvalidFormatException">A mark hides what is no name.</exception>
    public static void Apply(LayerTree layer)
    {
        foreach (Inode inode in TreeWalk.Inodes(layer.Root).ToArray())
        {
            LeaveOutTrusted(inode);
            if (inode.Entries is not null) ReplaceMarks(inode);
        }
    }

    public static void LeaveOutTrusted(Inode inode)
    {
        if (inode.ExtendedAttributes.Any(IsTrusted)) inode.ExtendedAttributes = [.. inode.ExtendedAttributes.Where(attribute => !IsTrusted(attribute))];
    }

    private static void ReplaceMarks(Inode directory)
    {
        SortedDictionary<FileName, Inode> entries = directory.Entries!;
        bool isOpaque = LayerMarks.IsOpaque(directory);
        FileName[] hidden = [.. LayerMarks.Whiteouts(directory)];
        foreach (FileName mark in entries.Keys.Where(name => LayerMarks.IsMark(name.Bytes)).ToArray()) entries.Remove(mark);
        foreach (FileName name in hidden)
        {
            if (name.Bytes.SequenceEqual("."u8) || name.Bytes.SequenceEqual(".."u8)) throw new InvalidFormatException("tar", $"a whiteout of '{name}'");
            if (!entries.TryGetValue(name, out Inode? there)) entries[name] = new Inode { Type = FileType.CharacterDevice };
            else if (there.Entries is not null) MakeOpaque(there); // what is hidden must not show through the new directory
        }

        if (isOpaque) MakeOpaque(directory);
    }

    private static void MakeOpaque(Inode directory)
    {
        if (!directory.ExtendedAttributes.Contains(Opaque)) directory.ExtendedAttributes = [.. directory.ExtendedAttributes, Opaque];
    }

    private static bool IsTrusted(ExtendedAttribute attribute) => attribute.Name.Bytes.StartsWith("trusted."u8) && attribute != Opaque;
}
