using System.IO.Compression;
using System.Text;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Tar;

public class TarGoldenTests
{
    [Fact]
    public void All_entry_types()
    {
        var entries = TarListing.ByPath(File.ReadAllBytes(Golden.Path("nydus/all-entry-type.tar")));
        Assert.Equal(9, entries.Count);
        Assert.Equal(TarEntryType.Directory, entries["tar/dir1/dir3"].Entry.Type);
        (TarEntry file, byte[] content) = entries["tar/dir1/dir3/hardlink1.txt"];
        Assert.Equal(15, file.Size);
        Assert.Equal(15, content.Length);
        Assert.Equal("tar/dir1/dir3/hardlink1.txt", entries["tar/dir2/hardlink3.txt"].Entry.LinkTarget.ToString());
        Assert.Equal(TarEntryType.HardLink, entries["tar/dir2/hardlink3.txt"].Entry.Type);
        Assert.Equal("../dir1/dir3/file1.txt", entries["tar/dir2/symlink1.txt"].Entry.LinkTarget.ToString());
    }

    [Fact]
    public void All_entry_types_of_another_system()
    {
        var entries = TarListing.ByPath(File.ReadAllBytes(Golden.Path("nydus/all-entry-type-macos.tar")));
        Assert.Equal(16, entries.Count);
        TarEntry longName = entries.Values.Single(item => item.Entry.Path.Length > 255).Entry;
        Assert.EndsWith("aaaaa.txt", longName.Path.ToString());
        Assert.Equal(10, longName.Size);
        Assert.Equal(["hardlink3"], entries["tar/dir1/hardlink2.txt"].Entry.ExtendedAttributes.Select(a => a.Name.ToString()));
        Assert.Equal(["dir"], entries["tar/dir1/dir3"].Entry.ExtendedAttributes.Select(a => a.Name.ToString()));
    }

    [Theory]
    [InlineData("nydus/empty.tar")]
    public void Empty(string path) => Assert.Empty(TarListing.Read(File.ReadAllBytes(Golden.Path(path))));

    [Theory]
    [InlineData("nydus/generated/layer1.tar.gz")]
    [InlineData("nydus/generated/layer2.tar.gz")]
    [InlineData("nydus/zran-single-stream.tar.gz")]
    [InlineData("nydus/zran-two-streams.tar.gz")]
    [InlineData("nydus/zran-zero-file.tar.gz")]
    public void Layers_list_as_the_real_tar_lists_them(string path)
    {
        using var layer = new GZipStream(File.OpenRead(Golden.Path(path)), CompressionMode.Decompress);
        string ours = string.Join('\n', TarListing.Read(layer).Select(item => Line(item.Entry)));
        string theirs = Tool.Run(Environment.CurrentDirectory, "tar", "--numeric-owner", "--full-time", "--quoting-style=literal", "-tvzf", Golden.Path(path));
        Assert.Equal(Normalise(theirs), ours);
    }

    [Fact]
    public void Binary_attributes_of_a_layer_survive()
    {
        using var layer = new GZipStream(File.OpenRead(Golden.Path("nydus/generated/layer1.tar.gz")), CompressionMode.Decompress);
        Assert.Contains(TarListing.Read(layer), item => item.Entry.ExtendedAttributes.Count > 0);
    }

    private static string Line(TarEntry entry)
    {
        char kind = entry.Type switch
        {
            TarEntryType.Directory => 'd',
            TarEntryType.SymbolicLink => 'l',
            TarEntryType.HardLink => 'h',
            TarEntryType.CharacterDevice => 'c',
            TarEntryType.BlockDevice => 'b',
            TarEntryType.Fifo => 'p',
            _ => '-',
        };
        string size = kind is 'c' or 'b' ? $"{entry.Device.Major},{entry.Device.Minor}" : $"{entry.Size}";
        string time = DateTime.UnixEpoch.AddSeconds(entry.ModificationTime.Seconds).ToString("yyyy-MM-dd HH:mm:ss");
        string link = kind == 'l' ? $" -> {entry.LinkTarget}" : kind == 'h' ? $" link to {entry.LinkTarget}" : "";
        return $"{kind} {Permissions(entry.Mode)} {entry.UserId}/{entry.GroupId} {size} {time} {entry.Path}{link}";
    }

    private static string Permissions(ushort mode)
    {
        var text = new StringBuilder();
        for (int bit = 8; bit >= 0; bit--) text.Append((mode >> bit & 1) != 0 ? "xwr"[bit % 3] : '-');
        for (int i = 0; i < 3; i++)
        {
            if ((mode >> (11 - i) & 1) == 0) continue;
            int place = 2 + 3 * i;
            text[place] = (text[place], i) switch { ('x', 2) => 't', (_, 2) => 'T', ('x', _) => 's', _ => 'S' };
        }

        return text.ToString();
    }

    private static string Normalise(string listing) => string.Join('\n', listing.TrimEnd('\n').Split('\n').Where(line => line.Length > 0).Select(line =>
    {
        string[] parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string time = parts[4].Split('.')[0];
        string name = line[(line.IndexOf(parts[4], StringComparison.Ordinal) + parts[4].Length + 1)..];
        if (parts[0][0] == 'd') name = name.TrimEnd('/');
        if (name.StartsWith("./", StringComparison.Ordinal)) name = name[2..];
        return $"{parts[0][0]} {parts[0][1..10]} {parts[1]} {parts[2]} {parts[3]} {time} {name}";
    }));
}
