using Sluice.Formats.Ext4;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Testing.Ext4;

namespace Sluice.Formats.Tests.Ext4;

public sealed class Ext4FileSystemTests
{
    private const uint Root = Ext4FileSystem.Root;

    [Fact]
    public void Files_of_all_types_come_back_as_they_were()
    {
        using TestImage image = TestImage.Create();
        byte[] content = Files.Bytes(1, 100_000);
        image.Change(fileSystem =>
        {
            uint directory = fileSystem.AddDirectory(Root, "d");
            uint file = fileSystem.AddFile(directory, "f", content);
            fileSystem.Link(Root, new FileName("hard"), file);
            fileSystem.AddFile(directory, "empty");
            fileSystem.Add(directory, "short", Link("x"));
            fileSystem.Add(directory, "59", Link(new string('a', 59)));
            fileSystem.Add(directory, "60", Link(new string('b', 60)));
            fileSystem.Add(directory, "4095", Link(new string('c', 4095)));
            fileSystem.Add(directory, "char", new Inode { Type = FileType.CharacterDevice, Mode = 0x1B6, Device = new DeviceNumber(1, 3) });
            fileSystem.Add(directory, "block", new Inode { Type = FileType.BlockDevice, Mode = 0x1B6, Device = new DeviceNumber(259, 70_000) });
            fileSystem.Add(directory, "zero", new Inode { Type = FileType.CharacterDevice, Mode = 0, Device = default });
            fileSystem.Add(directory, "fifo", Files.Plain(FileType.Fifo));
            fileSystem.Add(directory, "socket", Files.Plain(FileType.Socket));
        });
        Ext4Image read = image.Read();
        Assert.Equal(content, read.ContentOf("d/f"));
        Assert.Same(read.Find("d/f"), read.Find("hard"));
        Assert.Equal(Files.Time, read.Find("d/f").ModificationTime);
        Assert.Equal(0, read.Find("d/empty").Size);
        foreach (string name in (string[])["59", "60", "4095"]) Assert.Equal(int.Parse(name, System.Globalization.CultureInfo.InvariantCulture), read.Find($"d/{name}").LinkTarget.Length);
        Assert.Equal(new DeviceNumber(1, 3), read.Find("d/char").Device);
        Assert.Equal(new DeviceNumber(259, 70_000), read.Find("d/block").Device);
        Assert.Equal(default, read.Find("d/zero").Device);
        Assert.Equal((FileType.Fifo, FileType.Socket), (read.Find("d/fifo").Type, read.Find("d/socket").Type));
    }

    [Theory]
    [InlineData(int.MinValue, 0u)]
    [InlineData(-1L, 999_999_999u)]
    [InlineData(0L, 1u)]
    [InlineData(int.MaxValue + 1L, 5u)]
    [InlineData((3L << 32) + int.MaxValue, 999_999_999u)]
    public void Times_and_ids_reach_their_limits(long seconds, uint nanoseconds)
    {
        using TestImage image = TestImage.Create();
        image.Change(fileSystem => fileSystem.Add(Root, "f", new Inode
        {
            Type = FileType.Regular,
            Mode = 0xFFF,
            UserId = uint.MaxValue,
            GroupId = 0x12345678,
            ModificationTime = new FileTime(seconds, nanoseconds),
        }));
        Inode file = image.Read().Find("f");
        Assert.Equal((0xFFF, uint.MaxValue, 0x12345678u), (file.Mode, file.UserId, file.GroupId));
        Assert.Equal(new FileTime(seconds, nanoseconds), file.ModificationTime);
    }

    [Fact]
    public void Extended_attributes_fill_inode_and_block_and_can_be_replaced()
    {
        using TestImage image = TestImage.Create();
        ExtendedAttribute[] few = [Attribute("security.capability", 20)], many = [Attribute("security.a", 600), Attribute("trusted.b", 600), Attribute("user.c", 0), Attribute("user.d", 2500)];
        ExtendedAttribute acl = new(new FileName("system.posix_acl_access"), Convert.FromHexString("02000000" + "01000700ffffffff" + "02000600e8030000" + "04000500ffffffff" + "10000700ffffffff" + "20000500ffffffff"));
        image.Change(fileSystem =>
        {
            fileSystem.Add(Root, "few", With(few));
            fileSystem.Add(Root, "many", With(many));
            fileSystem.Add(Root, "acl", With([acl, Attribute("user.x", 30)]));
        });
        Assert.Equal(Show(few), Show(image.Read().Find("few").ExtendedAttributes));
        Assert.Equal(Show(many), Show(image.Read().Find("many").ExtendedAttributes));
        Assert.Equal(Show([acl, Attribute("user.x", 30)]), Show(image.Read().Find("acl").ExtendedAttributes));
        image.Change(fileSystem =>
        {
            foreach ((string name, ExtendedAttribute[] attributes) in ((string, ExtendedAttribute[])[])[("few", many), ("many", few), ("acl", [])])
            {
                Assert.True(fileSystem.TryFind(Root, new FileName(name), out uint inode));
                fileSystem.SetAttributes(inode, With(attributes));
            }
        });
        Ext4Image read = image.Read();
        Assert.Equal(Show(many), Show(read.Find("few").ExtendedAttributes));
        Assert.Equal(Show(few), Show(read.Find("many").ExtendedAttributes));
        Assert.Empty(read.Find("acl").ExtendedAttributes);
    }

    [Fact]
    public void Attributes_that_ext4_cannot_hold_are_named_or_refused()
    {
        using TestImage image = TestImage.Create();
        image.Change(fileSystem =>
        {
            fileSystem.Add(Root, "f", With([Attribute("btrfs.compression", 4), Attribute("user.x", 4)]));
            Assert.Equal(["btrfs.compression"], fileSystem.DroppedAttributes.Select(name => name.ToString()));
        });
        Assert.Equal(["user.x"], image.Read().Find("f").ExtendedAttributes.Select(a => a.Name.ToString()));
        Ext4FullException error = Assert.Throws<Ext4FullException>(() => image.Open().Create(With([Attribute("user.x", 5000)])));
        Assert.Contains("user.x", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Holes_take_no_blocks()
    {
        using TestImage image = TestImage.Create();
        byte[] content = new byte[3_000_000];
        SparseRun[] runs = [new(0, 10), new(5000, 100), new(20_000, 4096), new(24_096, 1), new(1_000_000, 70_000), new(2_999_999, 1)];
        foreach (SparseRun run in runs) Files.Bytes((int)run.Offset, (int)run.Length).CopyTo(content, run.Offset);
        image.Change(fileSystem =>
        {
            fileSystem.Add(Root, "sparse", Files.Plain(), fileSystem.WriteContent(content.Length, runs, new Files.FileBytes(content)));
            fileSystem.Add(Root, "hole", Files.Plain(), fileSystem.WriteContent(1L << 43, [], new Files.FileBytes([])));
            Assert.Throws<SluiceException>(() => fileSystem.WriteContent(1L << 44, [], new Files.FileBytes([])));
        });
        Ext4Image read = image.Read();
        Assert.Equal(content, read.ContentOf("sparse"));
        Assert.InRange(read.ExtentsOf(read.Find("sparse")).Sum(extent => extent.Count), 20, 24);
        Assert.Equal((1L << 43, 0), (read.Find("hole").Size, read.ExtentsOf(read.Find("hole")).Count));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(1360)]
    [InlineData(1361)]
    [InlineData(3000)]
    public void Files_have_as_many_extents_as_they_need(int count)
    {
        using TestImage image = TestImage.Create();
        SparseRun[] runs = [.. Enumerable.Range(0, count).Select(i => new SparseRun(i * 8192L, 4096))];
        byte[] content = Files.Bytes(count, (count * 8192) - 4096);
        foreach (SparseRun run in runs[1..]) content.AsSpan((int)run.Offset - 4096, 4096).Clear();
        image.Change(fileSystem => fileSystem.Add(Root, "f", Files.Plain(), fileSystem.WriteContent(content.Length, runs, new Files.FileBytes(content))));
        Ext4Image read = image.Read();
        Assert.Equal(content, read.ContentOf("f"));
        Assert.Equal(count, read.ExtentsOf(read.Find("f")).Count);
        long free = image.Open().FreeBlocks;
        image.Change(fileSystem => Assert.True(fileSystem.Remove(Root, new FileName("f"))));
        Assert.True(image.Open().FreeBlocks > free + count);
    }

    [Fact]
    public void Removing_everything_leaves_what_a_new_file_system_has()
    {
        using TestImage image = TestImage.Create();
        long free = image.Open().FreeBlocks;
        image.Change(fileSystem =>
        {
            uint directory = fileSystem.AddDirectory(Root, "d");
            for (int i = 0; i < 500; i++) fileSystem.AddFile(directory, $"file with a longer name, number {i}", Files.Bytes(i, i * 7));
            uint deep = directory;
            for (int i = 0; i < 100; i++) deep = fileSystem.AddDirectory(deep, "deep");
            fileSystem.Add(deep, "x", With([Attribute("user.x", 3000)]));
        });
        image.Change(fileSystem => fileSystem.RemoveAll(Root));
        Assert.Equal(free, image.Open().FreeBlocks);
        Assert.Empty(image.Read().Root.Entries!);
    }

    [Fact]
    public void What_is_removed_stays_usable_until_the_flush()
    {
        using TestImage image = TestImage.Create();
        image.Change(fileSystem =>
        {
            fileSystem.AddFile(Root, "a", [1, 2, 3]);
            fileSystem.AddDirectory(fileSystem.AddDirectory(Root, "d"), "sub");
        });
        long free = image.Open().FreeBlocks;
        image.Change(fileSystem =>
        {
            Assert.True(fileSystem.TryFind(Root, new FileName("a"), out uint file));
            Assert.True(fileSystem.Remove(Root, new FileName("a")));
            Assert.True(fileSystem.TryFind(Root, new FileName("d"), out uint directory));
            Assert.True(fileSystem.Remove(Root, new FileName("d")));
            uint lost = fileSystem.AddDirectory(directory, "goes with it");
            fileSystem.AddFile(lost, "x", [4]);
            fileSystem.Link(lost, new FileName("y"), file);
            fileSystem.Link(Root, new FileName("b"), file);
            Assert.NotEqual(directory, fileSystem.AddDirectory(Root, "d"));
        });
        Assert.Equal([1, 2, 3], image.Read().ContentOf("b"));
        Assert.Empty(image.Read().Find("d").Entries!);
        Assert.Equal(free + 1, image.Open().FreeBlocks);
    }

    [Fact]
    public void A_file_system_can_be_used_on_after_a_flush()
    {
        using TestImage image = TestImage.Create();
        Ext4FileSystem fileSystem = image.Open();
        uint directory = fileSystem.AddDirectory(Root, "d");
        for (int round = 0; round < 5; round++)
        {
            for (int i = 0; i < 200; i++) fileSystem.AddFile(directory, $"{round} {i}", Files.Bytes(i, 50 * i));
            for (int i = 0; i < 200; i += 3) Assert.True(fileSystem.Remove(directory, new FileName($"{round} {i}")));
            fileSystem.Flush();
            E2fs.AssertClean(image.Path);
        }

        fileSystem.RemoveAll(directory);
        fileSystem.AddFile(directory, "last", [1]);
        fileSystem.Flush();
        E2fs.AssertClean(image.Path);
        Assert.Equal(["d", "last"], TreeWalk.DepthFirst(image.Read().Find("d")).Select(entry => entry.Depth == 0 ? "d" : entry.Path.ToString()[1..]));
    }

    [Fact]
    public void Link_targets_that_Linux_cannot_have_are_refused()
    {
        using TestImage image = TestImage.Create();
        foreach (string target in (string[])["", "a\0b", new('x', 4096)]) Assert.Throws<SluiceException>(() => image.Open().Create(Link(target)));
    }

    [Fact]
    public void The_same_calls_give_the_same_bytes()
    {
        byte[][] images = [.. Enumerable.Range(0, 2).Select(_ =>
        {
            using TestImage image = TestImage.Create();
            image.Change(fileSystem =>
            {
                uint directory = fileSystem.AddDirectory(Root, "d");
                for (int i = 0; i < 2000; i++) fileSystem.AddFile(directory, $"file {i}", Files.Bytes(i, i % 50));
            });
            image.Change(fileSystem => Assert.True(fileSystem.TryFind(Root, new FileName("d"), out uint directory) && fileSystem.Remove(directory, new FileName("file 77"))));
            return System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(image.Path));
        })];
        Assert.Equal(images[0], images[1]);
    }

    private static Inode Link(string target) => new() { Type = FileType.SymbolicLink, Mode = 0x1FF, LinkTarget = new FileName(target), ModificationTime = Files.Time };

    private static Inode With(ExtendedAttribute[] attributes) => new() { Type = FileType.Regular, Mode = 0x1A4, ExtendedAttributes = attributes };

    private static ExtendedAttribute Attribute(string name, int length) => new(new FileName(name), Files.Bytes(name.Length, length));

    private static IEnumerable<string> Show(IEnumerable<ExtendedAttribute> attributes) => attributes.Select(a => $"{a.Name}={Convert.ToHexString(a.Value)}");
}
