using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Rafs;

public sealed class RafsV6WriterTests
{
    [Fact]
    public void An_empty_tree_is_an_image()
    {
        byte[] bootstrap = RafsV6Writer.Write(Image(Inode.NewDirectory()));
        NydusRules.Check(bootstrap);
        Assert.Empty(RafsV6Reader.Read(bootstrap).Root.Entries!);
    }

    [Fact]
    public void Attributes_that_erofs_cannot_hold_are_reported()
    {
        Inode root = Inode.NewDirectory();
        root.Entries!.Add(new FileName("file"), new Inode
        {
            Type = FileType.Regular,
            ExtendedAttributes =
            [
                new(new FileName("btrfs.compression"), [1]), new(new FileName("system.nfs4_acl"), [1]), new(new FileName("trusted."), [1]),
                new(new FileName("user.kept"), [2]), new(new FileName("user.large"), new byte[65536]),
            ],
        });
        byte[] bootstrap = RafsV6Writer.Write(Image(root), out RafsWriteReport report);
        Assert.Equal(
            ["/file btrfs.compression", "/file system.nfs4_acl", "/file trusted.", "/file user.large"],
            report.Dropped.Select(dropped => $"{dropped.Path} {dropped.Name}"));
        ExtendedAttribute kept = Assert.Single(RafsV6Reader.Read(bootstrap).Root.Entries![new FileName("file")].ExtendedAttributes);
        Assert.Equal("user.kept", kept.Name.ToString());
    }

    [Fact]
    public void Only_regular_files_keep_several_names()
    {
        Inode root = Inode.NewDirectory();
        foreach (FileType type in new[] { FileType.Regular, FileType.Fifo, FileType.SymbolicLink })
        {
            var inode = new Inode { Type = type, LinkTarget = new FileName("x"), Size = type == FileType.SymbolicLink ? 1 : 0 };
            root.Entries!.Add(new FileName($"{type}1"), inode);
            root.Entries.Add(new FileName($"{type}2"), inode);
        }

        SortedDictionary<FileName, Inode> read = RafsV6Reader.Read(RafsV6Writer.Write(Image(root), out RafsWriteReport report)).Root.Entries!;
        Assert.Equal(6, report.Inodes);
        Assert.Same(read[new FileName("Regular1")], read[new FileName("Regular2")]);
        Assert.NotSame(read[new FileName("Fifo1")], read[new FileName("Fifo2")]);
        Assert.NotSame(read[new FileName("SymbolicLink1")], read[new FileName("SymbolicLink2")]);
    }

    [Theory]
    [InlineData(253, true)]
    [InlineData(254, true)]
    [InlineData(255, false)]
    public void Images_hold_254_blobs(int count, bool fits)
    {
        RafsImage image = new SampleImage(31, names: 10, blobs: count, chunkSize: 4096).Image;
        if (fits) Assert.Equal(count, RafsV6Reader.Read(RafsV6Writer.Write(image)).Blobs.Count);
        else Assert.Contains("255 blobs", Assert.Throws<SluiceException>(() => RafsV6Writer.Write(image)).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Refusals => new()
    {
        { "device", "device number" }, { "target", "usable target" }, { "mode", "permission bits" }, { "name", "not allowed" }, { "dot", "not allowed" },
        { "long", "not allowed" }, { "twice", "two names" }, { "size", "chunks, but its size" }, { "blob", "does not exist" }, { "depth", "nested deeper" },
        { "time", "nanoseconds" }, { "xattr", "extended attributes" }, { "root", "not a directory" }, { "prefetch", "prefetch list" }, { "id", "64 digits" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_the_format_cannot_hold_is_refused_by_name(string what, string message)
    {
        RafsImage sample = new SampleImage(32, names: 0, blobs: 1).Image;
        Inode root = sample.Root;
        void Add(string name, Inode inode) => root.Entries!.Add(new FileName(name), inode);
        switch (what)
        {
            case "device": Add("x", new Inode { Type = FileType.BlockDevice, Device = new DeviceNumber(4096, 0) }); break;
            case "target": Add("x", new Inode { Type = FileType.SymbolicLink }); break;
            case "mode": Add("x", new Inode { Type = FileType.Fifo, Mode = 0x1000 }); break;
            case "name": Add("x/y", new Inode { Type = FileType.Fifo }); break;
            case "dot": Add("..", new Inode { Type = FileType.Fifo }); break;
            case "long": Add(new string('x', 256), new Inode { Type = FileType.Fifo }); break;
            case "twice": Add("x", root); break;
            case "size": Add("x", new Inode { Type = FileType.Regular, Size = 1 }); break;
            case "blob": Add("x", new Inode { Type = FileType.Regular, Size = 1, Chunks = [new ChunkReference(1, 0)] }); break;
            case "time": Add("x", new Inode { Type = FileType.Fifo, ModificationTime = new FileTime(0, 1_000_000_000) }); break;
            case "xattr": Add("x", new Inode { Type = FileType.Regular, ExtendedAttributes = [.. Enumerable.Range(0, 5).Select(i => new ExtendedAttribute(new FileName($"user.{i}"), new byte[65000]))] }); break;
            case "depth":
                for (int i = 0; i <= TreeWalk.MaxDepth; i++)
                {
                    Inode next = Inode.NewDirectory();
                    Add("x", next);
                    root = next;
                }

                break;
            default: break;
        }

        var image = new RafsImage
        {
            ChunkSize = sample.ChunkSize,
            Compressor = sample.Compressor,
            Root = what == "root" ? new Inode { Type = FileType.Fifo } : sample.Root,
            Blobs = what == "id" ? [sample.Blobs[0] with { Id = "../" + new string('0', 61) }] : sample.Blobs,
            Chunks = sample.Chunks,
            Prefetch = what == "prefetch" ? [Inode.NewDirectory()] : [],
        };
        var error = Assert.Throws<SluiceException>(() => RafsV6Writer.Write(image));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encrypted_blobs_keep_key_and_iv()
    {
        RafsImage sample = new SampleImage(33, names: 20, blobs: 1).Image;
        RafsBlob blob = sample.Blobs[0] with
        {
            Cipher = RafsCipher.Aes128Xts,
            CipherKey = Enumerable.Range(0, 32).Select(i => (byte)i).ToArray(),
            CipherIv = Enumerable.Range(100, 16).Select(i => (byte)i).ToArray(),
            Features = sample.Blobs[0].Features | BlobFeatures.Encrypted | BlobFeatures.ChunkInfoV2,
            ChunkInfoUncompressedSize = sample.Blobs[0].ChunkCount * 24,
        };
        var image = new RafsImage { ChunkSize = sample.ChunkSize, Root = sample.Root, Blobs = [blob], Chunks = sample.Chunks };
        RafsBlob read = Assert.Single(RafsV6Reader.Read(RafsV6Writer.Write(image)).Blobs);
        Assert.Equal((RafsCipher.Aes128Xts, 0), (read.Cipher, read.MetaSize));
        Assert.Equal(blob.CipherKey.ToArray(), read.CipherKey.ToArray());
        Assert.Equal(blob.CipherIv.ToArray(), read.CipherIv.ToArray());
    }

    private static RafsImage Image(Inode root) => new() { ChunkSize = 1 << 20, Root = root };
}
