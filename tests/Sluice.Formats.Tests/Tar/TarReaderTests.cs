using System.Text;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Tar;

public class TarReaderTests
{
    private static TarEntry Only(byte[] archive) => Assert.Single(TarListing.Read(archive)).Entry;

    [Fact]
    public void Root_and_prefixed_paths()
    {
        var entries = TarListing.Read(new RawTar().Add("./", '5').Add("./a").Add("/b").Add("c//d").End());
        Assert.Equal(["", "a", "b", "c/d"], entries.Select(item => item.Entry.Path.ToString()));
    }

    [Fact]
    public void Ustar_prefix_is_used_only_where_the_format_has_one()
    {
        void Prefix(byte[] block) => RawTar.Put(block, 345, "some/where");
        void Gnu(byte[] block)
        {
            Prefix(block);
            RawTar.Put(block, 257, "ustar  \0");
        }

        Assert.Equal("some/where/f", Only(new RawTar().Add("f", change: Prefix).End()).Path.ToString());
        Assert.Equal("f", Only(new RawTar().Add("f", change: Gnu).End()).Path.ToString());
    }

    [Fact]
    public void Old_archives_mark_directories_with_a_slash()
    {
        void V7(byte[] block) => block.AsSpan(257).Clear();
        var entries = TarListing.Read(new RawTar().Add("d/", '\0', change: V7).Add("d/f", '\0', "x"u8.ToArray(), V7).Add("e/", '0').Add("f/", '0', "y"u8.ToArray()).End());
        Assert.Equal([TarEntryType.Directory, TarEntryType.Regular, TarEntryType.Directory, TarEntryType.Regular], entries.Select(item => item.Entry.Type));
    }

    [Fact]
    public void Blank_fields_are_zero()
    {
        TarEntry entry = Only(new RawTar().Add("null", '3', change: block =>
        {
            block.AsSpan(100, 48).Clear();
            block.AsSpan(329, 16).Fill((byte)' ');
        }).End());
        Assert.Equal((0u, 0u, (ushort)0, default(FileTime), default(DeviceNumber)), (entry.UserId, entry.GroupId, entry.Mode, entry.ModificationTime, entry.Device));
    }

    [Fact]
    public void Checksums_of_signed_bytes_are_accepted()
    {
        byte[] archive = new RawTar().Add("\xE9t\xE9", content: [1]).End();
        int signed = TarChecksum.Signed(archive.AsSpan(0, 512));
        Assert.NotEqual(TarChecksum.Unsigned(archive.AsSpan(0, 512)), signed);
        TarNumber.TryFormatOctal(signed, archive.AsSpan(148, 7));
        Assert.Equal([0xE9, (byte)'t', 0xE9], Only(archive).Path.Bytes.ToArray());
    }

    [Fact]
    public void The_end_may_be_sloppy()
    {
        byte[] one = new RawTar().Add("f", content: [1, 2, 3]).ToArray();
        Assert.Single(TarListing.Read(one));
        Assert.Single(TarListing.Read(one[..515]));
        Assert.Single(TarListing.Read([.. one, .. new byte[512]]));
        Assert.Single(TarListing.Read([.. one, .. new byte[1024], .. "rubbish"u8]));
        Assert.Empty(TarListing.Read(new byte[10240]));
        Assert.Empty(TarListing.Read(new RawTar().Pax('g', "comment=only").End()));
    }

    [Fact]
    public void Pax_records_override_the_header()
    {
        TarEntry entry = Only(new RawTar()
            .Pax('x', "path=./long/n\xE9me", "uid=4294967295", "gid=3000000000", "mtime=-1.25", "atime=5", "ctime=6.000000007", "SCHILY.devmajor=300", "SCHILY.devminor=70000")
            .Add("short", '4').End());
        Assert.Equal("long/n\xE9me", Encoding.Latin1.GetString(entry.Path.Bytes));
        Assert.Equal((4294967295u, 3000000000u), (entry.UserId, entry.GroupId));
        Assert.Equal(new FileTime(-2, 750_000_000), entry.ModificationTime);
        Assert.Equal(new FileTime(5, 0), entry.AccessTime);
        Assert.Equal(new FileTime(6, 7), entry.ChangeTime);
        Assert.Equal(new DeviceNumber(300, 70000), entry.Device);
    }

    [Fact]
    public void Global_records_hold_until_overridden()
    {
        var entries = TarListing.Read(new RawTar()
            .Pax('g', "uid=7", "SCHILY.xattr.user.g=1").Add("a")
            .Pax('x', "uid=8", "SCHILY.xattr.user.l=2").Add("b")
            .Pax('x', "uid=").Add("c")
            .Pax('g', "uid=").Add("d").End());
        Assert.Equal([7u, 8u, 0u, 0u], entries.Select(item => item.Entry.UserId));
        Assert.Equal([1, 2, 1, 1], entries.Select(item => item.Entry.ExtendedAttributes.Count));
    }

    [Fact]
    public void Attributes_in_every_notation()
    {
        TarEntry entry = Only(new RawTar().Pax('x',
            "SCHILY.xattr.user.bin=\0\xFF\n=\x80", "SCHILY.xattr.user.twice=1", "SCHILY.xattr.user.twice=2", "SCHILY.xattr.user.empty=", "SCHILY.xattr.user.a%3Db%25c=x",
            "LIBARCHIVE.xattr.user.b%6fth=aGVsbG8", "SCHILY.acl.access=user::rw-,group::r--,other::r--").Add("f").End());
        Assert.Equal(
            ["system.posix_acl_access", "user.a=b%c", "user.bin", "user.both", "user.empty", "user.twice"],
            entry.ExtendedAttributes.Select(a => a.Name.ToString()));
        Assert.Equal([0, 0xFF, (byte)'\n', (byte)'=', 0x80], entry.ExtendedAttributes[2].Value);
        Assert.Equal("hello"u8.ToArray(), entry.ExtendedAttributes[3].Value);
        Assert.Empty(entry.ExtendedAttributes[4].Value);
        Assert.Equal("2"u8.ToArray(), entry.ExtendedAttributes[5].Value);
    }

    [Fact]
    public void Gnu_long_names_and_links()
    {
        string path = new string('p', 300), target = "/" + new string('t', 400);
        TarEntry entry = Only(new RawTar()
            .Add("././@LongLink", 'K', Encoding.ASCII.GetBytes(target + "\0"))
            .Add("././@LongLink", 'L', Encoding.ASCII.GetBytes(path + "\0"))
            .Add("cut", '2').End());
        Assert.Equal((path, target), (entry.Path.ToString(), entry.LinkTarget.ToString()));
    }

    [Fact]
    public void Link_targets()
    {
        void Link(byte[] block) => RawTar.Put(block, 157, "./a//b/");
        var entries = TarListing.Read(new RawTar().Add("h", '1', change: Link).Add("s", '2', change: Link).End());
        Assert.Equal(["a/b", "./a//b/"], entries.Select(item => item.Entry.LinkTarget.ToString()));
    }

    [Fact]
    public void Sizes_of_entries_without_content_are_hints()
    {
        void Hint(byte[] block)
        {
            RawTar.Put(block, 124, "00000001000\0");
            RawTar.Put(block, 157, "f");
        }

        var entries = TarListing.Read(new RawTar().Add("f").Add("h", '1', change: Hint).Add("d", '5', change: Hint).Add("last").End());
        Assert.Equal(["f", "h", "d", "last"], entries.Select(item => item.Entry.Path.ToString()));
        Assert.All(entries, item => Assert.Equal(0, item.Entry.Size));
    }

    [Fact]
    public void What_is_no_file_is_passed_over()
    {
        var entries = TarListing.Read(new RawTar().Add("label", 'V').Add("acl", 'A', new byte[700]).Add("dump", 'D', "Yname\0\0"u8.ToArray()).Add("c", '7', [9]).Pax('X', "uid=5").Add("s").End());
        Assert.Equal(["dump", "c", "s"], entries.Select(item => item.Entry.Path.ToString()));
        Assert.Equal((TarEntryType.Regular, 5u), (entries[1].Entry.Type, entries[2].Entry.UserId));
    }

    [Fact]
    public void Positions_and_partial_reads()
    {
        byte[] content = new byte[300_000];
        new Random(1).NextBytes(content);
        byte[] archive = new RawTar().Pax('x', "mtime=1.5").Add("f", content: content).Add("g", content: [1]).End();
        foreach (Stream stream in new Stream[] { new MemoryStream(archive), new ChoppyStream(archive, 3), new ChoppyStream(archive, 4, 1 << 20) })
        {
            using var reader = new TarReader(stream);
            Assert.NotNull(reader.ReadEntry());
            Assert.Equal((0, 1536), (reader.EntryOffset, reader.DataOffset));
            byte[] part = new byte[70_000];
            Assert.Equal(part.Length, reader.ReadContent(part));
            Assert.Equal(content[..70_000], part);
            Assert.Equal(30_000, reader.SkipContent(30_000));
            Assert.Equal(10, reader.ReadContent(part.AsSpan(0, 10)));
            Assert.Equal(content[100_000..100_010], part[..10]);
            Assert.Equal(100_010, reader.ContentPosition);
            Assert.Equal("g", reader.ReadEntry()!.Path.ToString());
            Assert.Equal(archive.Length - 2048, reader.EntryOffset);
            Assert.Equal(1, reader.ReadContent(part));
            Assert.Equal(0, reader.ReadContent(part));
            Assert.Null(reader.ReadEntry());
            Assert.Null(reader.ReadEntry());
        }
    }

    [Fact]
    public void Reading_content_allocates_nothing()
    {
        byte[] archive = new RawTar().Add("f", content: new byte[1_000_000]).End();
        using var reader = new TarReader(new MemoryStream(archive));
        reader.ReadEntry();
        byte[] buffer = new byte[10_000];
        reader.ReadContent(buffer);
        long before = GC.GetAllocatedBytesForCurrentThread();
        while (reader.ReadContent(buffer) > 0)
        {
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Holes_are_known_before_they_are_read()
    {
        byte[] archive = new RawTar()
            .Pax('x', "GNU.sparse.map=1000,3,5000,2", "GNU.sparse.size=100000", "GNU.sparse.numblocks=2", "GNU.sparse.name=real")
            .Add("GNUSparseFile.1/f", content: "abcde"u8.ToArray()).End();
        using var reader = new TarReader(new MemoryStream(archive));
        TarEntry entry = reader.ReadEntry()!;
        Assert.Equal(("real", 100000), (entry.Path.ToString(), entry.Size));
        Assert.Equal([new SparseRun(1000, 3), new SparseRun(5000, 2)], entry.SparseMap);
        Assert.Equal(1000, reader.HoleLength);
        Assert.Equal(1000, reader.SkipContent(1000));
        Assert.Equal(0, reader.HoleLength);
        byte[] content = new byte[4002];
        Assert.Equal(4002, reader.ReadContent(content));
        Assert.Equal("abc"u8.ToArray(), content[..3]);
        Assert.Equal("de"u8.ToArray(), content[^2..]);
        Assert.False(content.AsSpan(3, 3997).ContainsAnyExcept((byte)0));
        Assert.Equal(94998, reader.HoleLength);
        Assert.Equal(94998, reader.SkipContent(1_000_000));
    }
}
