using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Sluice.Formats.Erofs;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.V6;
using Sluice.Formats.Trees;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Rafs;

/// <summary>What no golden image has and our writer does not write: made by changing what it writes.</summary>
public sealed class RafsV6ReaderTests
{
    [Fact]
    public void Compact_inodes_show_what_the_kernel_shows()
    {
        byte[] image = WithCompactInodes();
        RafsImage read = RafsV6Reader.Read(image);
        Inode link = read.Root.Entries![new FileName("link")];
        Assert.Equal("somewhere/else", link.LinkTarget.ToString());
        Assert.Equal(new FileTime(1_234_567, 89), link.ModificationTime);
        Assert.Equal((65535u, 3u), (link.UserId, link.GroupId));

        using var directory = new TemporaryDirectory();
        string bootstrap = directory.File("image.boot");
        File.WriteAllBytes(bootstrap, image);
        using ErofsMount mount = ErofsMount.Create(bootstrap, [], directory.File("mnt"));
        Assert.Equal(TreeListing.WithContent(read, _ => default), KernelListing.Of(mount.Path));
    }

    [Fact]
    public void A_chunk_may_be_listed_twice_if_both_are_alike()
    {
        byte[] image = RafsV6Writer.Write(ThreeChunks());
        int table = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(0x498));
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(0x4A0), 4 * 80);
        image.AsSpan(table, 80).CopyTo(image.AsSpan(table + 240));
        Assert.Equal(3, RafsV6Reader.Read(image).Chunks[0].Length);

        image[table + 240]++;
        Assert.Contains("listed twice", Refusal(image), StringComparison.Ordinal);
    }

    [Fact]
    public void A_chunk_that_the_table_lacks_is_refused()
    {
        byte[] image = RafsV6Writer.Write(ThreeChunks());
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(0x4A0), 2 * 80);
        Assert.Contains("not in the chunk table", Refusal(image), StringComparison.Ordinal);
    }

    [Fact]
    public void Chunks_that_the_kernel_would_read_elsewhere_are_refused()
    {
        // The file's two chunks are one for the kernel. Nydus would follow the second address, the kernel would not.
        byte[] image = RafsV6Writer.Write(ThreeChunks());
        int second = image.AsSpan().IndexOf(Bytes(ErofsChunkAddress.Create(0, 1, 1)));
        MemoryMarshal.Write(image.AsSpan(second), ErofsChunkAddress.Create(0, 2, 2));
        Assert.Contains("kernel would read elsewhere", Refusal(image), StringComparison.Ordinal);
    }

    [Fact]
    public void A_hole_is_refused()
    {
        byte[] image = RafsV6Writer.Write(ThreeChunks());
        int third = image.AsSpan().IndexOf(Bytes(ErofsChunkAddress.Create(0, 2, 2)));
        MemoryMarshal.Write(image.AsSpan(third), new ErofsChunkAddress { Block = ErofsLayout.NullBlock });
        Assert.Contains("hole", Refusal(image), StringComparison.Ordinal);
    }

    [Fact]
    public void Prefetch_hints_that_lead_nowhere_are_skipped()
    {
        byte[] image = RafsV6Writer.Write(ThreeChunks());
        int table = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(0x4A8));
        Assert.Equal(2, RafsV6Reader.Read(image).Prefetch.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(table), 77);
        Assert.Single(RafsV6Reader.Read(image).Prefetch);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(table), 0);
        Assert.Empty(RafsV6Reader.Read(image).Prefetch);
    }

    private static string Refusal(byte[] image) => Assert.Throws<InvalidFormatException>(() => RafsV6Reader.Read(image)).Message;

    private static byte[] Bytes(ErofsChunkAddress address) => MemoryMarshal.AsBytes(new ReadOnlySpan<ErofsChunkAddress>(in address)).ToArray();

    /// <summary>A file of two chunks, one behind the other, and a file of one.</summary>
    private static RafsImage ThreeChunks()
    {
        Inode root = Inode.NewDirectory();
        var two = new Inode { Type = FileType.Regular, Size = 8192, Chunks = [new(0, 0), new(0, 1)] };
        root.Entries!.Add(new FileName("one"), new Inode { Type = FileType.Regular, Size = 4096, Chunks = [new(0, 2)] });
        root.Entries.Add(new FileName("two"), two);
        return new RafsImage
        {
            ChunkSize = 4096,
            Root = root,
            Blobs = [new RafsBlob { Id = new string('a', 64), ChunkCount = 3, Features = BlobFeatures.Aligned, UncompressedSize = 3 * 4096, ChunkInfoUncompressedSize = 48 }],
            Chunks =
            [
                [.. Enumerable.Range(0, 3).Select(i => new ChunkInfo
                {
                    CompressedOffset = i * 4096,
                    CompressedSize = 4096,
                    UncompressedOffset = i * 4096,
                    UncompressedSize = 4096,
                    Digest = ChunkDigest.Compute(DigestAlgorithm.Sha256, [(byte)i]),
                })],
            ],
            Prefetch = [two, root],
        };
    }

    /// <summary>A fifo, a device, an empty file and a link, each with a compact inode in place of its extended one.</summary>
    private static byte[] WithCompactInodes()
    {
        Inode root = Inode.NewDirectory();
        void Add(string name, Inode inode) => root.Entries!.Add(new FileName(name), inode);
        Add("device", new Inode { Type = FileType.CharacterDevice, Mode = 0x180, Device = new DeviceNumber(1, 3) });
        Add("empty", new Inode { Type = FileType.Regular, Mode = 0x1A4 });
        Add("fifo", new Inode { Type = FileType.Fifo, Mode = 0x1B6, UserId = 7 });
        Add("link", new Inode { Type = FileType.SymbolicLink, Mode = 0x1FF, UserId = 65535, GroupId = 3, LinkTarget = new FileName("somewhere/else") });
        byte[] image = RafsV6Writer.Write(new RafsImage { ChunkSize = 1 << 20, Root = root });
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(0x418), 1_234_567);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x420), 89);
        var names = new List<DirectoryName>();
        var tables = new BootstrapTables(image);
        ErofsNode node = ErofsInodeReader.Read(tables.Image, 128, default);
        DirectoryReader.Read(tables.Image, node, names);
        foreach (DirectoryName name in names.Where(name => name.Type != 2)) MakeCompact(image.AsSpan((int)(0x1000 + (name.Nid * 32))));
        return image;
    }

    private static void MakeCompact(Span<byte> bytes)
    {
        var inode = MemoryMarshal.Read<ErofsInode>(bytes);
        byte[] tail = bytes.Slice(64, 32).ToArray();
        var compact = new ErofsCompactInode
        {
            Format = (ushort)(inode.Format & ~1),
            Mode = inode.Mode,
            Links = (ushort)inode.Links,
            Size = (uint)inode.Size,
            Union = inode.Union,
            Number = inode.Number,
            UserId = (ushort)inode.UserId,
            GroupId = (ushort)inode.GroupId,
        };
        MemoryMarshal.Write(bytes, in compact);
        if (inode.Format >> 1 == (int)ErofsDataLayout.FlatInline) tail.CopyTo(bytes[32..]);
    }
}
