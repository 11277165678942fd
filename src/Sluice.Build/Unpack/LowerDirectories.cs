using Sluice.Build.Commit;
using Sluice.Formats.Trees;

namespace Sluice.Build.Unpack;

/// <summary>What overlayfs would show of a directory below a layer.</summary>
internal static class LowerDirectories
{
    /// <summary>The directory's attributes; null: the layers below have none there.</summary>
    /// <param name="lowers">Directories of the layers, nearest first.</param>
    /// <param name="path">Absolute. No link is followed.</param>
    /// <exception cref="Formats.SluiceException">A directory can't be read.</exception>
    public static UpperNode? Find(IReadOnlyList<string> lowers, FileName path)
    {
        foreach (string lower in lowers)
        {
            (UpperNode? found, bool isLast) = Look(lower, path);
            if (found is not null || isLast) return found;
        }

        return null;
    }

    /// <returns>What one layer has there, and whether it hides what the layers below it have.</returns>
    private static (UpperNode? Found, bool IsLast) Look(string layer, FileName path)
    {
        UpperReader directory = UpperReader.Open(layer);
        try
        {
            UpperNode node = directory.Self();
            bool isLast = false;
            ReadOnlySpan<byte> rest = path.Bytes;
            while (!(rest = rest.TrimStart((byte)'/')).IsEmpty)
            {
                int end = rest.IndexOf((byte)'/');
                var name = new FileName(end < 0 ? rest : rest[..end]);
                rest = rest[name.Length..];
                if (directory.Find(name) is not { } child) return (null, isLast);
                if (child.Type != FileType.Directory) return (null, true);
                isLast |= child.IsOpaque;
                UpperReader next = directory.Open(name);
                directory.Dispose();
                (directory, node) = (next, child);
            }

            return (node, isLast);
        }
        finally
        {
            directory.Dispose();
        }
    }
}
