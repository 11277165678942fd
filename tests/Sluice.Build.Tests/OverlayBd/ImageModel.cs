using Sluice.Build.Layers;
using Sluice.Formats.Ext4;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Build.Tests.OverlayBd;

/// <summary>What an image must be, made by the code that merges layers in memory, with the content of every file.</summary>
internal sealed class ImageModel
{
    private readonly TreeMerger _merger = new();
    private readonly Dictionary<Inode, byte[]> _contents = new(ReferenceEqualityComparer.Instance);

    public Inode Root => _merger.Root;

    /// <summary>A model of what is there.</summary>
    public static ImageModel From(Ext4Image image)
    {
        var model = new ImageModel();
        foreach (Inode file in TreeWalk.Inodes(image.Root).Where(inode => inode.Type == FileType.Regular))
        {
            byte[] content = new byte[file.Size];
            image.ReadContent(file, 0, content);
            model._contents[file] = content;
        }

        image.Root.Entries!.Remove(new FileName("lost+found"));
        model._merger.Apply(new LayerTree { Root = image.Root });
        return model;
    }

    public byte[] ContentOf(Inode file) => _contents[file];

    /// <summary>Dangling links.</summary>
    public IReadOnlyList<FileName> Apply(byte[] tar)
    {
        var builder = new LayerTreeBuilder();
        using var reader = new TarReader(new MemoryStream(tar));
        while (reader.ReadEntry() is { } entry)
        {
            if (builder.Add(entry) is not { } file) continue;
            byte[] content = new byte[entry.Size];
            reader.ReadContent(content);
            _contents[file] = content;
        }

        return _merger.Apply(builder.Tree);
    }

    /// <summary>Compares everything: names, attributes, hard links, content.</summary>
    /// <param name="foreign">mke2fs or Linux made the file system: its <c>lost+found</c> may be there on top.</param>
    public void AssertIs(Ext4Image image, bool foreign = false)
    {
        var own = new FileName("lost+found");
        if (foreign && !Root.Entries!.ContainsKey(own)) image.Root.Entries!.Remove(own);
        var same = new Dictionary<Inode, Inode>(ReferenceEqualityComparer.Instance);
        Compare(Root, image.Root, "", image, same);
        Assert.Equal(same.Count, same.Values.Distinct(ReferenceEqualityComparer.Instance).Count());
    }

    private void Compare(Inode expected, Inode actual, string path, Ext4Image image, Dictionary<Inode, Inode> same)
    {
        if (same.TryGetValue(expected, out Inode? known))
        {
            Assert.True(ReferenceEquals(known, actual), $"{path}: another inode");
            return;
        }

        same.Add(expected, actual);
        Assert.Equal((path, Show(expected)), (path, Show(actual)));
        if (expected.Type == FileType.Regular)
        {
            byte[] wanted = _contents[expected], found = new byte[wanted.Length];
            image.ReadContent(actual, 0, found);
            Assert.True(wanted.AsSpan().SequenceEqual(found), $"{path}: other content");
        }

        if (expected.Entries is null) return;
        Assert.Equal(expected.Entries.Keys.Select(name => $"{path}/{name}"), actual.Entries!.Keys.Select(name => $"{path}/{name}"));
        foreach ((FileName name, Inode child) in expected.Entries) Compare(child, actual.Entries[name], $"{path}/{name}", image, same);
    }

    private static string Show(Inode inode) =>
        $"{inode.Type} {inode.Mode:x} {inode.UserId}:{inode.GroupId} {inode.ModificationTime} {inode.Size} {inode.Device} {inode.LinkTarget} "
        + string.Join(' ', inode.ExtendedAttributes.Select(a => $"{a.Name}={System.Convert.ToHexString(a.Value)}"));
}
