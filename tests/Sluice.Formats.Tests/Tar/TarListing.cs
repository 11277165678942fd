using Sluice.Formats.Tar;

namespace Sluice.Formats.Tests.Tar;

/// <summary>Whole archives in memory: entries with their contents.</summary>
internal static class TarListing
{
    /// <summary>More than any test file; a hostile entry that claims more is read no further.</summary>
    private const long LargestContent = 16 << 20;

    public static List<(TarEntry Entry, byte[] Content)> Read(byte[] archive) => Read(new MemoryStream(archive));

    public static List<(TarEntry Entry, byte[] Content)> Read(Stream stream)
    {
        using var reader = new TarReader(stream);
        var list = new List<(TarEntry, byte[])>();
        while (reader.ReadEntry() is { } entry)
        {
            byte[] content = new byte[Math.Min(entry.Size, LargestContent)];
            int length = reader.ReadContent(content);
            if (length != content.Length) throw new InvalidOperationException("content is shorter than its entry says");
            list.Add((entry, content));
        }

        return list;
    }

    public static Dictionary<string, (TarEntry Entry, byte[] Content)> ByPath(byte[] archive) =>
        Read(archive).ToDictionary(item => item.Entry.Path.ToString(), item => item);

    /// <summary>All that an entry says, in one line.</summary>
    public static string Describe(TarEntry entry) =>
        $"{entry.Type} '{entry.Path}' -> '{entry.LinkTarget}' {entry.Mode:x} {entry.UserId}:{entry.GroupId} {entry.Size} "
        + $"{entry.ModificationTime} {entry.AccessTime} {entry.ChangeTime} {entry.Device} "
        + string.Join(',', entry.ExtendedAttributes.Select(a => $"{Convert.ToHexString(a.Name.Bytes)}={Convert.ToHexString(a.Value)}"))
        + (entry.SparseMap is null ? "" : " runs " + string.Join(',', entry.SparseMap.Select(r => $"{r.Offset}+{r.Length}")));
}
