using Sluice.Build.Look;
using Sluice.Formats.Hashing;
using Sluice.Formats.Trees;

namespace Sluice.Build.Check;

/// <summary>Walks two trees in lockstep and notes every difference. A name that only one side has is one difference, whatever lies below it.</summary>
internal sealed class TreeComparison(CheckedTree source, CheckedTree image, CheckOptions options, Differences differences)
{
    private readonly IReadOnlyDictionary<Inode, uint> _sourceLinks = TreeWalk.CountLinks(source.Root);
    private readonly IReadOnlyDictionary<Inode, uint> _imageLinks = TreeWalk.CountLinks(image.Root);
    private readonly Dictionary<Inode, (Inode Partner, FileName Path)> _seenSource = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Inode, (Inode Partner, FileName Path)> _seenImage = new(ReferenceEqualityComparer.Instance);

    /// <summary>Names that both sides have.</summary>
    public long Compared { get; private set; }

    public void Run(CancellationToken cancellation)
    {
        var pending = new Stack<(FileName Path, Inode Source, Inode Image)>([(new FileName("/"), source.Root, image.Root)]);
        while (pending.TryPop(out (FileName Path, Inode Source, Inode Image) pair))
        {
            cancellation.ThrowIfCancellationRequested();
            Compare(pair.Path, pair.Source, pair.Image);
            if (pair.Source.Entries is null || pair.Image.Entries is null) continue;
            foreach ((FileName name, Inode child) in pair.Source.Entries.Reverse()) // so that the stack gives them back in order
            {
                FileName path = TreeWalk.Join(pair.Path, name);
                if (pair.Image.Entries.TryGetValue(name, out Inode? partner)) pending.Push((path, child, partner));
                else if (!IsHidden(image, path, child)) differences.Add(path, "only in the source", TypeOf(child), "missing");
            }

            foreach ((FileName name, Inode child) in pair.Image.Entries)
            {
                FileName path = TreeWalk.Join(pair.Path, name);
                if (!pair.Source.Entries.ContainsKey(name) && !IsHidden(source, path, child)) differences.Add(path, "only in the image", "missing", TypeOf(child));
            }
        }
    }

    private static bool IsHidden(CheckedTree lacking, FileName path, Inode inode) => lacking.HidesLostAndFound && BlockContents.IsLostAndFound(path, inode);

    private void Compare(FileName path, Inode a, Inode b)
    {
        Compared++;
        if (a.Type != b.Type)
        {
            differences.Add(path, "type", TypeOf(a), TypeOf(b));
            return;
        }

        Expect(path, "mode", a.Mode, b.Mode, static mode => "0" + System.Convert.ToString(mode, 8));
        Expect(path, "uid", a.UserId, b.UserId, static id => Number(id));
        Expect(path, "gid", a.GroupId, b.GroupId, static id => Number(id));
        if (options.WholeSeconds) Expect(path, "mtime", a.ModificationTime.Seconds, b.ModificationTime.Seconds, static time => Number(time));
        else Expect(path, "mtime", a.ModificationTime, b.ModificationTime, static time => string.Create(null, $"{time.Seconds}.{time.Nanoseconds:000000000}"));
        Expect(path, "device", a.Device, b.Device, static device => string.Create(null, $"{device.Major}:{device.Minor}"));
        Expect(path, "link target", a.LinkTarget, b.LinkTarget, PrintableName.Of);
        CompareAttributes(path, a.ExtendedAttributes, b.ExtendedAttributes);
        if (a.Type == FileType.Directory) return;
        CompareLinks(path, a, b);
        if (a.Type == FileType.Regular) CompareContent(path, a, b);
    }

    /// <summary>Two names are one file on one side if and only if they are on the other.</summary>
    private void CompareLinks(FileName path, Inode a, Inode b)
    {
        if (a.Type != FileType.Regular && (source.LinksRegularFilesOnly || image.LinksRegularFilesOnly)) return;
        uint links = _sourceLinks[a], imageLinks = _imageLinks[b];
        Expect(path, "links", links, imageLinks, static count => Number(count));
        if (links == 1 && imageLinks == 1) return;
        bool first = _seenSource.TryAdd(a, (b, path)), imageFirst = _seenImage.TryAdd(b, (a, path));
        if (first && imageFirst) return;
        if (!first && ReferenceEquals(_seenSource[a].Partner, b)) return;
        differences.Add(
            path,
            "hard link",
            first ? "another file" : $"the same file as {PrintableName.Of(_seenSource[a].Path)}",
            imageFirst ? "another file" : $"the same file as {PrintableName.Of(_seenImage[b].Path)}");
    }

    private void CompareContent(FileName path, Inode a, Inode b)
    {
        if (a.Size != b.Size)
        {
            differences.Add(path, "size", Number(a.Size), Number(b.Size));
            return;
        }

        if (source.DigestOf is null || image.DigestOf is null) return;
        if (a.Chunks.Count != b.Chunks.Count)
        {
            differences.Add(path, "chunks", Number(a.Chunks.Count), Number(b.Chunks.Count));
            return;
        }

        for (int i = 0; i < a.Chunks.Count; i++)
        {
            ChunkDigest left = source.DigestOf(a.Chunks[i]), right = image.DigestOf(b.Chunks[i]);
            if (left == right) continue;
            differences.Add(path, $"content of chunk {i}", left.ToString(), right.ToString());
            return; // one per file says enough
        }
    }

    private void CompareAttributes(FileName path, IReadOnlyList<ExtendedAttribute> a, IReadOnlyList<ExtendedAttribute> b)
    {
        int i = 0, j = 0;
        while (i < a.Count || j < b.Count)
        {
            int order = i == a.Count ? 1 : j == b.Count ? -1 : a[i].Name.CompareTo(b[j].Name);
            if (order < 0) differences.Add(path, What(a[i]), Value(a[i++]), "missing");
            else if (order > 0) differences.Add(path, What(b[j]), "missing", Value(b[j++]));
            else
            {
                if (!a[i].Value.AsSpan().SequenceEqual(b[j].Value)) differences.Add(path, What(a[i]), Value(a[i]), Value(b[j]));
                i++;
                j++;
            }
        }
    }

    private void Expect<T>(FileName path, string what, T a, T b, Func<T, string> text)
        where T : IEquatable<T>
    {
        if (!a.Equals(b)) differences.Add(path, what, text(a), text(b));
    }

    private static string What(ExtendedAttribute attribute) => $"attribute {PrintableName.Of(attribute.Name)}";

    private static string Value(ExtendedAttribute attribute) =>
        attribute.Value.Length > 64 ? $"{attribute.Value.Length} bytes" : $"'{PrintableName.Of(attribute.Value)}'";

    private static string Number(long number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static string TypeOf(Inode inode) => inode.Type switch
    {
        FileType.Directory => "directory",
        FileType.Regular => "file",
        FileType.SymbolicLink => "symbolic link",
        FileType.CharacterDevice => "character device",
        FileType.BlockDevice => "block device",
        FileType.Fifo => "FIFO",
        _ => "socket",
    };
}
