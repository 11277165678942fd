using Sluice.Formats.Trees;

namespace Sluice.Build.Layers;

/// <summary>The names in a layer that say something about the layers below, and never show up themselves.</summary>
internal static class LayerMarks
{
    private static readonly FileName Opaque = new(".wh..wh..opq");

    private static ReadOnlySpan<byte> Prefix => ".wh."u8;

    /// <summary>aufs kept its own files under this prefix (<c>.wh..wh.plnk</c>); they are nothing that an image holds.</summary>
    private static ReadOnlySpan<byte> AufsPrefix => ".wh..wh."u8;

    public static bool IsMark(ReadOnlySpan<byte> name) => name.StartsWith(Prefix);

    /// <summary>The directory hides all that the layers below have in it.</summary>
    public static bool IsOpaque(Inode directory) => directory.Entries!.ContainsKey(Opaque);

    /// <summary>The names that the directory hides.</summary>
    public static IEnumerable<FileName> Whiteouts(Inode directory)
    {
        foreach (FileName name in directory.Entries!.Keys)
        {
            if (IsMark(name.Bytes) && name.Length > Prefix.Length && !name.Bytes.StartsWith(AufsPrefix))
                yield return new FileName(name.Bytes[Prefix.Length..]);
        }
    }
}
