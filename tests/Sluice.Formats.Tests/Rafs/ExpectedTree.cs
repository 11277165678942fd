using System.Globalization;
using System.Text.Json;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Rafs;

/// <summary>
/// What another program saw of the golden image through the kernel: a JSON object per name. Both sides become the same text,
/// with <c>sha256</c> or without.
/// </summary>
internal static class ExpectedTree
{
    public static List<string> Load(string path, bool withContent)
    {
        var lines = new List<string>();
        foreach (string json in File.ReadLines(path))
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement entry = document.RootElement;
            string rdev = entry.TryGetProperty("rdev", out JsonElement pair) ? $"{pair[0]}:{pair[1]}" : "";
            string xattrs = entry.TryGetProperty("xattrs", out JsonElement map)
                ? string.Join(',', map.EnumerateObject().OrderBy(x => x.Name, StringComparer.Ordinal).Select(x => $"{x.Name}={x.Value}"))
                : "";
            lines.Add(Line(
                Text(entry, "path"),
                Convert.ToInt32(Text(entry, "mode")[2..], 8),
                $"{entry.GetProperty("uid")}:{entry.GetProperty("gid")}",
                entry.GetProperty("nlink").GetUInt32(),
                entry.GetProperty("mtime").GetInt64(),
                $"{Text(entry, "size")} {rdev} {Text(entry, "target")} {xattrs} {(withContent ? Text(entry, "sha256") : "")}"));
        }

        lines.Sort(StringComparer.Ordinal);
        return lines;
    }

    public static List<string> Of(RafsImage image, Func<Inode, string>? hash)
    {
        IReadOnlyDictionary<Inode, uint> links = TreeWalk.CountLinks(image.Root);
        var lines = new List<string>();
        foreach ((FileName path, Inode inode, _) in TreeWalk.DepthFirst(image.Root))
        {
            bool regular = inode.Type == FileType.Regular;
            string size = regular ? inode.Size.ToString(CultureInfo.InvariantCulture) : "";
            string rdev = inode.Type is FileType.CharacterDevice or FileType.BlockDevice ? $"{inode.Device.Major}:{inode.Device.Minor}" : "";
            string xattrs = string.Join(',', inode.ExtendedAttributes.Select(x => $"{x.Name}={Convert.ToHexStringLower(x.Value)}"));
            string detail = $"{size} {rdev} {inode.LinkTarget} {xattrs} {(regular ? hash?.Invoke(inode) : "")}";
            lines.Add(Line(
                path.ToString(), (int)inode.Type | inode.Mode, $"{inode.UserId}:{inode.GroupId}", links[inode], inode.ModificationTime.Seconds, detail));
        }

        lines.Sort(StringComparer.Ordinal);
        return lines;
    }

    private static string Line(string path, int mode, string ids, uint links, long time, string detail) =>
        $"{path} {Convert.ToString(mode, 8)} {ids} {links} {time} {detail}";

    private static string Text(JsonElement entry, string name) => entry.TryGetProperty(name, out JsonElement value) ? value.ToString() : "";
}
