using System.Diagnostics;
using System.Text;
using Sluice.Build.Commit;
using Sluice.Build.Unpack;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Testing;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Unpack;

/// <summary>A layer in a directory is what overlayfs takes for one, and nothing of it is outside.</summary>
public sealed class LayerUnpackerTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public LayerUnpackerTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "owners and devices need root");

    [Fact]
    public async Task Files_have_their_content_owner_mode_time_attributes_and_links()
    {
        UnpackedLayer layer = await UnpackAsync("a", new TestLayer()
            .Directory("d", 0x3FD /* 01775 */, owner: 7)
            .File("d/f", "content", 0x9ED /* 04755 */, owner: 3_000_000_000, ("user.note", "x"), ("trusted.note", "y"))
            .HardLink("d/g", "d/f").File("d/empty").Link("d/s", "/nowhere/else").Fifo("p").Device("null", TarEntryType.CharacterDevice, 1, 3));
        using UpperReader root = UpperReader.Open(layer.Root), d = root.Open(new FileName("d"));
        UpperNode file = d.Find(new FileName("f"))!;
        Assert.Equal((FileType.Regular, 0x9ED, 3_000_000_000, 7, 2u, TestLayer.Time), (file.Type, file.Mode, file.UserId, (int)file.Size, file.Links, file.ModificationTime));
        Assert.Equal(["user.note"], file.Attributes.Select(attribute => attribute.Name.ToString()));
        Assert.Equal(file.Identity, d.Find(new FileName("g"))!.Identity);
        Assert.Equal((0x3FD, 7u, TestLayer.Time), (root.Find(new FileName("d"))!.Mode, root.Find(new FileName("d"))!.UserId, root.Find(new FileName("d"))!.ModificationTime));
        Assert.Equal("/nowhere/else", d.ReadLink(new FileName("s")).ToString());
        Assert.Equal(new DeviceNumber(1, 3), root.Find(new FileName("null"))!.Device);
        Assert.Equal(FileType.Fifo, root.Find(new FileName("p"))!.Type);
        Assert.Equal(["fs"], Directory.GetFileSystemEntries(_directory.File("a")).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Marks_become_those_of_overlayfs()
    {
        UnpackedLayer layer = await UnpackAsync("a", new TestLayer()
            .Whiteout("gone").Directory("d").Opaque("d").File("d/x").Whiteout("again").Directory("again").File("again/y").Whiteout("file").File("file", "new").File(".wh..wh.plnk"));
        using UpperReader root = UpperReader.Open(layer.Root);
        Assert.Equal(["again", "d", "file", "gone"], root.Names().Select(name => name.ToString()));
        Assert.True(root.Find(new FileName("gone"))!.IsWhiteout);
        Assert.True(root.Find(new FileName("d"))!.IsOpaque);
        Assert.True(root.Find(new FileName("again"))!.IsOpaque);
        Assert.Equal(FileType.Regular, root.Find(new FileName("file"))!.Type);
    }

    [Fact]
    public async Task Layers_may_be_zstd_or_not_compressed()
    {
        foreach ((string name, TestLayer layer) in ((string, TestLayer)[])[("zstd", new TestLayer().Zstd()), ("tar", new TestLayer().Uncompressed())])
        {
            UnpackedLayer unpacked = await UnpackAsync(name, layer.File("f", "content"));
            Assert.Equal("content", await File.ReadAllTextAsync(Path.Combine(unpacked.Root, "f"), TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task The_last_entry_of_a_name_counts()
    {
        UnpackedLayer layer = await UnpackAsync("a", new TestLayer().File("f", "first").File("f", "second").Directory("x").File("x/y", "lost").File("x", "a file now"));
        Assert.Equal("second", await File.ReadAllTextAsync(Path.Combine(layer.Root, "f"), TestContext.Current.CancellationToken));
        Assert.Equal("a file now", await File.ReadAllTextAsync(Path.Combine(layer.Root, "x"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Nothing_leaves_the_directory()
    {
        string outside = _directory.File("outside");
        Directory.CreateDirectory(outside);
        UnpackedLayer layer = await UnpackAsync("a", TestLayer.Raw(
            Tar(("/etc/absolute", '0', ""), ("abs", '2', outside), ("abs/through-absolute-link", '0', ""), ("up", '2', "../../../../../../../../.." + outside), ("up/through-relative-link", '0', ""), ("hard", '1', "etc/absolute")),
            MediaTypes.OciLayer));
        Assert.Empty(Directory.GetFileSystemEntries(outside));
        Assert.Equal(["a", "outside"], Directory.GetFileSystemEntries(_directory.Path).Select(Path.GetFileName).Order());
        Assert.True(File.Exists(layer.Root + outside + "/through-absolute-link"), "a link's target is that of the layer's own root");
        Assert.True(File.Exists(layer.Root + outside + "/through-relative-link"));
        Assert.True(File.Exists(Path.Combine(layer.Root, "etc/absolute")));
    }

    [Theory]
    [InlineData("../../above", '0', "")]
    [InlineData("x/../../../y", '0', "")]
    [InlineData("x", '1', "../../etc/passwd")]
    public async Task Names_that_lead_upwards_are_refused(string name, char type, string link)
    {
        await Assert.ThrowsAsync<InvalidFormatException>(() => UnpackAsync("a", TestLayer.Raw(Tar((name, type, link)), MediaTypes.OciLayer)));
        Assert.Equal(["a"], Directory.GetFileSystemEntries(_directory.Path).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData(".wh..")]
    [InlineData("d/.wh...")]
    public async Task A_whiteout_of_no_name_is_refused(string path)
    {
        InvalidFormatException error = await Assert.ThrowsAsync<InvalidFormatException>(() => UnpackAsync("a", new TestLayer().File(path)));
        Assert.Contains("a whiteout of", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hard_link_into_a_lower_layer_is_refused()
    {
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => UnpackAsync("a", new TestLayer().HardLink("x", "below/y")));
        Assert.Contains("below/y", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_layer_that_is_not_its_diff_id_is_refused_and_makes_no_tree()
    {
        (byte[] blob, _) = new TestLayer().File("f", "content").Pack();
        var layer = new Descriptor { MediaType = MediaTypes.OciLayerGzip, Digest = Digest.Sha256(blob), Size = blob.Length };
        string directory = Directory.CreateDirectory(_directory.File("a")).FullName;
        InvalidFormatException error = await Assert.ThrowsAsync<InvalidFormatException>(
            () => LayerUnpacker.RunAsync(new MemoryStream(blob), layer, Digest.Sha256("other"u8), directory, CancellationToken.None));
        Assert.Contains("diff id", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(directory, "fs")));
    }

    [Fact]
    public async Task Directories_without_an_entry_take_their_attributes_from_below()
    {
        UnpackedLayer lowest = await UnpackAsync("1", new TestLayer()
            .Directory("", 0x1C0, owner: 5).Directory("a", 0x1F8, owner: 8, ("user.note", "low")).Directory("a/b", 0x1D0, owner: 9).Directory("hidden", 0x1C0, owner: 6).Directory("hidden/c", 0x1C0, owner: 6)
            .Directory("swapped", 0x1C0, owner: 6));
        UnpackedLayer middle = await UnpackAsync("2", new TestLayer().Whiteout("hidden").File("swapped").Directory("a", 0x1FF, owner: 4));
        UnpackedLayer top = await UnpackAsync("3", new TestLayer().File("a/b/f").File("hidden/c/f").File("swapped/f").File("new/f").Opaque("a/b"));
        middle.TakeAttributes([lowest.Root]);
        top.TakeAttributes([middle.Root, lowest.Root]);
        using UpperReader root = UpperReader.Open(top.Root), a = root.Open(new FileName("a"));
        Assert.Equal((0x1C0, 5u), Look(root.Self()));
        Assert.Equal((0x1FF, 4u), Look(root.Find(new FileName("a"))!));
        Assert.Equal((0x1D0, 9u), Look(a.Find(new FileName("b"))!));
        Assert.True(a.Find(new FileName("b"))!.IsOpaque);
        Assert.Equal((0x1ED, 0u), Look(root.Find(new FileName("hidden"))!));
        Assert.Equal((0x1ED, 0u), Look(root.Find(new FileName("swapped"))!));
        Assert.Equal((0x1ED, 0u), Look(root.Find(new FileName("new"))!));

        static (int, uint) Look(UpperNode node) => (node.Mode, node.UserId);
    }

    [Fact]
    public async Task Holes_stay_holes()
    {
        string source = _directory.File("sparse");
        await using (FileStream file = File.Create(source))
        {
            file.Write("begin"u8);
            file.Seek(64 << 20, SeekOrigin.Begin);
            file.Write("middle"u8);
            file.SetLength(128 << 20);
        }

        using (Process tar = Process.Start("tar", ["--sparse", "--format=posix", "-C", _directory.Path, "-cf", _directory.File("tar"), "sparse"])) await tar.WaitForExitAsync(TestContext.Current.CancellationToken);
        UnpackedLayer layer = await UnpackAsync("a", TestLayer.Raw(await File.ReadAllBytesAsync(_directory.File("tar"), TestContext.Current.CancellationToken), MediaTypes.OciLayer));
        using UpperReader root = UpperReader.Open(layer.Root);
        UpperNode node = root.Find(new FileName("sparse"))!;
        Assert.Equal(128 << 20, node.Size);
        Assert.InRange(node.Blocks * 512, 1, 1 << 20);
        using FileStream unpacked = File.OpenRead(Path.Combine(layer.Root, "sparse"));
        unpacked.Seek(64 << 20, SeekOrigin.Begin);
        byte[] middle = new byte[6];
        unpacked.ReadExactly(middle);
        Assert.Equal("middle"u8, middle);
    }

    public void Dispose()
    {
        // Some modes lock even their owner's tools out, and names need not be UTF-8.
        using Process remove = Process.Start("rm", ["-rf", _directory.Path]);
        remove.WaitForExit();
        _directory.Dispose();
    }

    private async Task<UnpackedLayer> UnpackAsync(string name, TestLayer layer)
    {
        (byte[] blob, Digest diffId) = layer.Pack();
        var descriptor = new Descriptor { MediaType = layer.MediaType, Digest = Digest.Sha256(blob), Size = blob.Length };
        return await LayerUnpacker.RunAsync(new MemoryStream(blob), descriptor, diffId, Directory.CreateDirectory(_directory.File(name)).FullName, CancellationToken.None);
    }

    /// <summary>Our own writer refuses such names.</summary>
    private static byte[] Tar(params ReadOnlySpan<(string Name, char Type, string Link)> entries)
    {
        using var tar = new MemoryStream();
        foreach ((string name, char type, string link) in entries)
        {
            byte[] header = new byte[512];
            Encoding.UTF8.GetBytes(name).CopyTo(header, 0);
            "0000644\0"u8.CopyTo(header.AsSpan(100));
            "0000000\0"u8.CopyTo(header.AsSpan(108));
            "0000000\0"u8.CopyTo(header.AsSpan(116));
            "00000000000\0"u8.CopyTo(header.AsSpan(124));
            "00000000000\0"u8.CopyTo(header.AsSpan(136));
            header[156] = (byte)type;
            Encoding.UTF8.GetBytes(link).CopyTo(header, 157);
            "ustar\000"u8.CopyTo(header.AsSpan(257));
            header.AsSpan(148, 8).Fill((byte)' ');
            Encoding.ASCII.GetBytes($"{System.Convert.ToString(header.Sum(value => value), 8).PadLeft(6, '0')}\0 ").CopyTo(header, 148);
            tar.Write(header);
        }

        tar.Write(new byte[1024]);
        return tar.ToArray();
    }
}
