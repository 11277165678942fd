using Sluice.Formats.Ext4;
using Sluice.Formats.Tar;
using Sluice.Formats.Tests.Tar;
using Sluice.Formats.Trees;
using Sluice.Testing;
using Sluice.Testing.Ext4;

namespace Sluice.Formats.Tests.Ext4;

public sealed class Ext4ReaderTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("^metadata_csum,uninit_bg")]
    public void What_mke2fs_copied_from_a_directory_reads_the_same(string? features)
    {
        using var directory = new TemporaryDirectory();
        string source = Directory.CreateDirectory(directory.File("source")).FullName;
        Tool.Run(source, "sh", "-c", """
            mkdir -p a/b && head -c 300000 /dev/urandom > a/b/random && ln a/b/random hard && ln -s a/b short
            ln -s $(printf 'x%.0s' $(seq 200)) long && mkfifo fifo && truncate -s 5M sparse && printf end >> sparse
            mkdir many && cd many && seq 1 3000 | xargs touch && cd .. && touch -d '2001-02-03 04:05:06.789' a && chmod 1755 a
            """);
        using TestImage image = TestImage.CreateForeign(features, TestImage.Small, "-d", source);
        Ext4Image read = image.Read();
        Assert.Equal(File.ReadAllBytes($"{source}/a/b/random"), read.ContentOf("a/b/random"));
        Assert.Equal(File.ReadAllBytes($"{source}/sparse"), read.ContentOf("sparse"));
        Assert.Same(read.Find("hard"), read.Find("a/b/random"));
        Assert.Equal(("a/b", 200), (read.Find("short").LinkTarget.ToString(), read.Find("long").LinkTarget.Length));
        Assert.Equal(FileType.Fifo, read.Find("fifo").Type);
        Assert.Equal(3000, read.Find("many").Entries!.Count);
        Assert.Equal(0x3ED, read.Find("a").Mode);

        // And it can be taken apart: directories without index, which libext2fs makes.
        image.Change(fileSystem =>
        {
            Assert.True(fileSystem.TryFind(Ext4FileSystem.Root, new FileName("many"), out uint many));
            for (int i = 1; i < 3000; i += 2) Assert.True(fileSystem.Remove(many, new FileName($"{i}")));
            fileSystem.AddFile(many, "one more");
            Assert.True(fileSystem.Remove(Ext4FileSystem.Root, new FileName("a")));
            fileSystem.RemoveAll(Ext4FileSystem.Root);
            fileSystem.AddFile(Ext4FileSystem.Root, "f", [1]);
        });
        Assert.Equal(["f", "lost+found"], image.Read().Root.Entries!.Keys.Select(name => name.ToString()));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Damaged_images_end_in_one_kind_of_error(int seed)
    {
        byte[] image = Sample();
        var random = new Random(seed);
        int read = 0, written = 0, rounds = 0;
        for (; rounds < 1500; rounds++)
        {
            byte[] damaged = (byte[])image.Clone();
            for (int i = random.Next(1, 4); i > 0; i--) Damage(random, damaged);
            if (TryRead(new MemoryStore(damaged))) read++;
            if (TryChange(new MemoryStore(damaged))) written++;
        }

        Assert.InRange(read, 1, rounds - 1);
        Assert.InRange(written, 1, rounds - 1);
    }

    [Fact]
    public void A_directory_that_has_one_block_many_times_is_refused()
    {
        using TestImage image = TestImage.Create(8 << 20);
        uint many = 0;
        image.Change(fileSystem =>
        {
            many = fileSystem.AddDirectory(Ext4FileSystem.Root, "many");
            for (int i = 0; i < 500; i++) fileSystem.AddFile(many, $"{i} {new string('x', 100)}");
        });
        byte[] bytes = File.ReadAllBytes(image.Path);
        var volume = new Ext4Volume(new MemoryStore(bytes), forWriting: false);
        byte[] record = volume.Inodes.Record(many).ToArray();
        int at = bytes.AsSpan().IndexOf(record);
        List<Ext4Extent> extents = [];
        ExtentTree.Read(volume, InodeTable.BlocksOf(record), extents);
        Assert.Single(extents);

        // The second extent is the first one again, behind it.
        Span<byte> map = InodeTable.BlocksOf(bytes.AsSpan(at, record.Length));
        map.Slice(12, 12).CopyTo(map[24..]);
        map[2] = 2;
        BitConverter.TryWriteBytes(map[24..], extents[0].Count);
        BitConverter.TryWriteBytes(bytes.AsSpan(at + 4), 2 * extents[0].Count * 4096);
        Assert.Contains("twice", Assert.Throws<InvalidFormatException>(() => Ext4FileSystem.Open(new MemoryStore(bytes)).RemoveAll(many)).Message, StringComparison.Ordinal);
        Assert.Contains("twice", Assert.Throws<InvalidFormatException>(() => Ext4Reader.Read(new MemoryStore(bytes))).Message, StringComparison.Ordinal);
    }

    /// <summary>A small image with all that has structure; cut down to what is used.</summary>
    private static byte[] Sample()
    {
        using TestImage image = TestImage.Create(4 << 20, options => options with { BytesPerInode = 4096 });
        image.Change(fileSystem =>
        {
            uint directory = fileSystem.AddDirectory(Ext4FileSystem.Root, "d"), deep = fileSystem.AddDirectory(directory, "deep");
            uint file = fileSystem.AddFile(deep, "file", Files.Bytes(1, 30_000));
            for (int i = 0; i < 300; i++) fileSystem.Link(directory, new FileName($"name {i} {new string('x', 20)}"), file);
            fileSystem.Add(deep, "link", new Inode { Type = FileType.SymbolicLink, LinkTarget = new FileName(new string('l', 100)) });
            fileSystem.Add(deep, "attributes", new Inode
            {
                Type = FileType.Regular,
                ExtendedAttributes = [new ExtendedAttribute(new FileName("user.a"), new byte[500]), new ExtendedAttribute(new FileName("user.b"), new byte[10])],
            });
            SparseRun[] runs = [.. Enumerable.Range(0, 10).Select(i => new SparseRun(i * 8192L, 4096))];
            fileSystem.Add(deep, "extents", Files.Plain(), fileSystem.WriteContent(10 * 8192, runs, new Files.FileBytes(new byte[10 * 8192])));
        });
        return File.ReadAllBytes(image.Path);
    }

    /// <summary>Mostly where structure is: superblock, descriptors, inodes, directories; numbers that tend to break things.</summary>
    private static void Damage(Random random, byte[] image)
    {
        int[] structure = [1024, 4096, 4 * 4096, 5 * 4096, 70 * 4096];
        int from = structure[random.Next(structure.Length)], length = from == 1024 ? 400 : random.Next(2) == 0 ? 4096 : 16 * 4096;
        int at = from + random.Next(length);
        switch (random.Next(5))
        {
            case 4: DamageBitmap(random, image); break;
            case 0: image[at] ^= (byte)(1 << random.Next(8)); break;
            case 1: image[at] = (byte)random.Next(256); break;
            case 2: image.AsSpan(at, random.Next(1, 9)).Fill((byte)(random.Next(2) * 255)); break;
            default: image.AsSpan(from + random.Next(length), 32).CopyTo(image.AsSpan(at)); break;
        }
    }

    /// <summary>Says that what is in use is free, or moves a bitmap or table over something else.</summary>
    private static void DamageBitmap(Random random, byte[] image)
    {
        Span<byte> pointer = image.AsSpan(4096 + (4 * random.Next(3)), 4);
        int block = BitConverter.ToInt32(pointer);
        if (random.Next(4) == 0) BitConverter.TryWriteBytes(pointer, random.Next(80));
        else if (block is > 1 and < 1000) image.AsSpan((block * 4096) + random.Next(64), random.Next(1, 64)).Fill((byte)(random.Next(4) == 0 ? 255 : 0));
        if (random.Next(2) == 0) BitConverter.TryWriteBytes(image.AsSpan(4096 + 12), (ushort)random.Next(1000)); // free blocks
    }

    private static bool TryRead(MemoryStore store)
    {
        try
        {
            Ext4Image image = Ext4Reader.Read(store);
            byte[] buffer = new byte[10_000];
            foreach (Inode inode in TreeWalk.Inodes(image.Root).Where(inode => inode.Type == FileType.Regular)) image.ReadContent(inode, 0, buffer);
            return true;
        }
        catch (SluiceException)
        {
            return false;
        }
    }

    private static bool TryChange(MemoryStore store)
    {
        try
        {
            Ext4FileSystem fileSystem = Ext4FileSystem.Open(store);
            if (fileSystem.TryFind(Ext4FileSystem.Root, new FileName("d"), out uint directory))
            {
                fileSystem.AddFile(directory, "new", new byte[5000]);
                for (int i = 0; i < 20; i++) fileSystem.AddFile(fileSystem.AddDirectory(directory, $"{i}"), "file", new byte[100_000]);
                fileSystem.Remove(directory, new FileName("name 7 xxxxxxxxxxxxxxxxxxxx"));
                fileSystem.SetAttributes(directory, new Inode { Type = FileType.Directory, ExtendedAttributes = [new ExtendedAttribute(new FileName("user.z"), new byte[300])] });
            }

            fileSystem.Remove(Ext4FileSystem.Root, new FileName("d"));
            fileSystem.Flush();
            return true;
        }
        catch (SluiceException)
        {
            return false;
        }
    }

    private sealed class MemoryStore(byte[] bytes) : IBlockStore
    {
        public long BlockCount => bytes.Length / 4096;

        public void Read(long block, Span<byte> buffer) => bytes.AsSpan((int)block * 4096, buffer.Length).CopyTo(buffer);

        public void WriteData(long block, ReadOnlySpan<byte> content) => content.CopyTo(bytes.AsSpan((int)block * 4096));

        public void WriteMetadata(long block, ReadOnlySpan<byte> content) => WriteData(block, content);

        public void Discard(long block, long count)
        {
            if (block < 0 || block + count > BlockCount) throw new InvalidOperationException("beyond the end");
        }
    }
}
