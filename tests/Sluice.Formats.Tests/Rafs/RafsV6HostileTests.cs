using System.Buffers.Binary;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Rafs;

/// <summary>Images made to hurt, one trick each.</summary>
public sealed class RafsV6HostileTests
{
    private const int RootInode = 0x3000;

    /// <summary>Offset and bytes written over a good image, and what the refusal says.</summary>
    public static TheoryData<int, string, string> Patches => new()
    {
        { 0x400, "00000000", "no EROFS superblock" },
        { 0x404, "01000000", "checksum" },
        { 0x408, "00000000", "RAFS v6 mark" },
        { 0x40C, "0b", "block size" },
        { 0x40C, "ff", "block size" },
        { 0x40D, "01", "extension slots" },
        { 0x40E, "ffff", "outside of the image" },
        { 0x410, "0000000000000000", "no inodes" },
        { 0x428, "ffffffff", "meta area" },
        { 0x42C, "01000000", "shared" },
        { 0x450, "0d000000", "features" },
        { 0x454, "0100", "compressed" },
        { 0x456, "ffff", "devices" },
        { 0x458, "0c00", "device table" },
        { 0x480, "0d00000000000000", "digester" },
        { 0x480, "8700000000000000", "compressor" },
        { 0x488, "0010000000000080", "blob table" },
        { 0x490, "00010000", "one blob per device" },
        { 0x494, "01000000", "chunk size" },
        { 0x494, "00000002", "chunk size" },
        { 0x498, "0010000000000000", "overlapping tables" },
        { 0x4A0, "ffffffffffffff7f", "chunk table" },
        { 0x4B0, "03000000", "prefetch table" },
        { 0x580, "2e2e2f", "different blobs" },
        { 0x5C0, "00000000", "without blocks" },
        { 0x1040, "01000000", "out of order" },
        { 0x1044, "00400000", "chunk size" },
        { 0x1048, "ffffff7f", "2^24" },
        { 0x1054, "00000040", "ALIGNED" },
        { 0x1060, "000000000000ff00", "absurd" },
        { 0x1080, "ff00000000000000", "chunk" },
        { RootInode, "0d00", "data layout" },
        { RootInode, "1500", "inode format" },
        { RootInode, "0700", "data layout" },
        { RootInode + 2, "ffff", "outside" },
        { RootInode + 4, "0000", "file mode" },
        { RootInode + 4, "ed81", "file content" },
        { RootInode + 8, "ffffffffffffffff", "absurd" },
        { RootInode + 8, "ffffffffffffff7f", "outside" },
        { RootInode + 40, "ffffffff", "nanoseconds" },
        { RootInode + 44, "00000000", "links" },
    };

    [Theory]
    [MemberData(nameof(Patches))]
    public void A_broken_field_is_named(int offset, string bytes, string message)
    {
        byte[] image = RafsV6Writer.Write(new SampleImage(21, names: 30).Image);
        Convert.FromHexString(bytes).CopyTo(image, offset);
        var error = Assert.Throws<InvalidFormatException>(() => RafsV6Reader.Read(image));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_inside_of_itself_is_refused()
    {
        byte[] image = Chain(3);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(DirentOf(2)), 128);
        Assert.Contains("another name", Refusal(image), StringComparison.Ordinal);
    }

    [Fact]
    public void A_nid_beyond_the_image_is_refused()
    {
        byte[] image = Chain(3);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(DirentOf(2)), ulong.MaxValue);
        Assert.Contains("out of range", Refusal(image), StringComparison.Ordinal);
    }

    [Fact]
    public void Directories_may_be_deep_but_not_without_end()
    {
        Assert.Equal(TreeWalk.MaxDepth + 1, TreeWalk.Inodes(RafsV6Reader.Read(Chain(TreeWalk.MaxDepth)).Root).Count());
        Assert.Contains("nested deeper", Refusal(Chain(TreeWalk.MaxDepth + 1)), StringComparison.Ordinal);
        Assert.Contains("nested deeper", Refusal(Chain(100_000)), StringComparison.Ordinal);
    }

    [Fact]
    public void Inodes_that_share_bytes_are_refused_before_they_multiply()
    {
        // Every directory claims the same large content; unchecked, that is work in the square of the image's size.
        byte[] image = Chain(2000);
        for (int i = 1; i < 2000; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(InodeOf(i)), 1);
            BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(InodeOf(i) + 8), 4096 * 50);
        }

        Assert.NotEmpty(Refusal(image));
        for (int i = 1; i < 2000; i++) BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(InodeOf(i) + 2), 4000);
        Assert.NotEmpty(Refusal(image));
    }

    [Fact]
    public void A_chunk_number_that_would_cost_a_gigabyte_is_refused()
    {
        byte[] image = RafsV6Writer.Write(new SampleImage(22, names: 40, blobs: 1).Image);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x1048), 1 << 24);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x1054), 0x4000_0201);
        int chunks = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(0x498));
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(chunks + 72), 0xFF_FFFF);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("far beyond", Refusal(image), StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8 << 20);
    }

    [Theory]
    [InlineData("b", "a", "out of order")]
    [InlineData("a", "a", "out of order")]
    [InlineData("a/b", "c", "impossible name")]
    [InlineData("a\0b", "c", "impossible name")]
    public void Names_that_the_kernel_would_not_find_are_refused(string first, string second, string message)
    {
        Inode root = Inode.NewDirectory();
        root.Entries!.Add(new FileName(new string('p', first.Length)), new Inode { Type = FileType.Fifo });
        root.Entries.Add(new FileName(new string('q', second.Length)), new Inode { Type = FileType.Fifo });
        byte[] image = RafsV6Writer.Write(Empty(root));
        int names = image.AsSpan().IndexOf("p"u8);
        System.Text.Encoding.ASCII.GetBytes(first + second).CopyTo(image, names);
        Assert.Contains(message, Refusal(image), StringComparison.Ordinal);
    }

    private static string Refusal(byte[] image) => Assert.Throws<InvalidFormatException>(() => RafsV6Reader.Read(image)).Message;

    private static RafsImage Empty(Inode root) => new() { ChunkSize = 1 << 20, Root = root };

    private static int InodeOf(int i) => 0x2000 + (128 * i);

    /// <summary>The last dirent of a directory, <c>d</c>.</summary>
    private static int DirentOf(int i) => InodeOf(i) + 64 + 24;

    /// <summary>Directories <c>/d/d/d…</c> to this depth, 128 bytes each: an inode and three inline entries.</summary>
    private static byte[] Chain(int depth)
    {
        byte[] empty = RafsV6Writer.Write(Empty(Inode.NewDirectory()));
        Assert.Equal(1u, BinaryPrimitives.ReadUInt32LittleEndian(empty.AsSpan(0x428)));
        byte[] image = new byte[(InodeOf(depth + 1) + 4095) & ~4095];
        empty.AsSpan(0, 0x2000).CopyTo(image);
        for (int i = 0; i <= depth; i++)
        {
            Span<byte> inode = image.AsSpan(InodeOf(i), 128);
            empty.AsSpan(0x2000, 64).CopyTo(inode);
            bool leaf = i == depth;
            inode[8] = (byte)(leaf ? 27 : 40);
            Dirent(inode[64..], Nid(i), leaf ? 24 : 36);
            Dirent(inode[76..], Nid(Math.Max(0, i - 1)), leaf ? 25 : 37);
            if (!leaf) Dirent(inode[88..], Nid(i + 1), 39);
            (leaf ? "..."u8 : "...d"u8).CopyTo(inode[(leaf ? 88 : 100)..]);
        }

        return image;
    }

    private static ulong Nid(int i) => 128 + (4 * (ulong)i);

    private static void Dirent(Span<byte> bytes, ulong nid, int nameOffset)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, nid);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[8..], (ushort)nameOffset);
        bytes[10] = 2;
    }

}
