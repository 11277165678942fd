using System.Text;
using Sluice.Formats.Tar;

namespace Sluice.Formats.Tests.Tar;

/// <summary>Archives that nobody makes by accident. Each must end in the one typed error.</summary>
public class TarHostileTests
{
    private static InvalidFormatException Refused(byte[] archive)
    {
        var error = Assert.Throws<InvalidFormatException>(() => TarListing.Read(new ChoppyStream(archive, 1, 1 << 20)));
        Assert.Throws<InvalidFormatException>(() => TarListing.Read(archive));
        Assert.Equal("tar", error.Format);
        Assert.InRange(error.Offset, 0, archive.Length);
        return error;
    }

    [Fact]
    public void Not_an_archive() => Assert.Contains("not a tar archive", Refused(Encoding.ASCII.GetBytes(new string('x', 2000))).Message);

    [Fact]
    public void Wrong_checksum()
    {
        byte[] archive = new RawTar().Add("a").Add("b").End();
        archive[600]++;
        Assert.Equal(512, Refused(archive).Offset);
    }

    [Theory]
    [InlineData("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE")]
    [InlineData("\x80\0\0\0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF")]
    [InlineData("\x80\0\0\0\x40\0\0\0\0\0\0\x01")]
    [InlineData("\x80\0\0\x01\0\0\0\0\0\0\0\0")]
    [InlineData("0000001000x\0")]
    public void Impossible_sizes(string size) => Refused(new RawTar().Add("f", change: block => RawTar.Put(block, 124, size)).End());

    [Theory]
    [InlineData(100)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(1000)]
    [InlineData(1536 + 100)]
    public void Truncated(int length)
    {
        byte[] archive = new RawTar().Add("f", content: new byte[700]).Add("g").ToArray();
        Refused(archive[..length]);
    }

    [Fact]
    public void Truncated_content_that_could_be_skipped_by_seeking()
    {
        byte[] archive = new RawTar().Add("f", content: new byte[400_000]).ToArray()[..200_000];
        using var reader = new TarReader(new MemoryStream(archive));
        reader.ReadEntry();
        Assert.Equal(200_000, Assert.Throws<InvalidFormatException>(() => reader.ReadEntry()).Offset);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5 a=")]
    [InlineData("99 path=x\n")]
    [InlineData("9 path=xx\n")]
    [InlineData("path=x\n")]
    [InlineData("-5 a=b\n")]
    [InlineData("8 path\n")]
    [InlineData("7 =abc\n")]
    [InlineData("99999999999999999999 a=b\n")]
    [InlineData("3 \n")]
    public void Malformed_records(string records)
    {
        byte[] content = Encoding.ASCII.GetBytes(records.Length == 0 ? "\0\0" : records);
        Refused(new RawTar().Add("pax", 'x', content).Add("f").End());
    }

    [Theory]
    [InlineData("path=../up")]
    [InlineData("path=a\0b")]
    [InlineData("path=/")]
    [InlineData("size=-1")]
    [InlineData("size=4611686018427387905")]
    [InlineData("size=1x")]
    [InlineData("uid=4294967296")]
    [InlineData("gid=-1")]
    [InlineData("mtime=noon")]
    [InlineData("ctime=1.2.3")]
    [InlineData("SCHILY.xattr.=x")]
    [InlineData("SCHILY.xattr.a\0b=x")]
    [InlineData("LIBARCHIVE.xattr.user.a=!!!")]
    [InlineData("GNU.sparse.major=2")]
    [InlineData("GNU.sparse.size=x")]
    [InlineData("GNU.sparse.map=1")]
    public void Records_that_cannot_be(string record) => Refused(new RawTar().Pax('x', record, "GNU.sparse.name=f").Pax('x', record).Add("f", content: [1]).End());

    [Theory]
    [InlineData("0,1,0,1", 10)]
    [InlineData("5,1,2,1", 10)]
    [InlineData("0,1,9,2", 10)]
    [InlineData("0,2,3", 10)]
    [InlineData("0,-2", 10)]
    [InlineData("0,1", 10)]
    [InlineData("0,3", 10)]
    [InlineData("4611686018427387904,2", 4611686018427387904)]
    [InlineData("9223372036854775807,2", 9223372036854775807)]
    [InlineData("9223372036854775808,2", 10)]
    [InlineData("0,2", 9223372036854775807)]
    public void Sparse_maps_that_cannot_be(string map, long size) =>
        Refused(new RawTar().Pax('x', $"GNU.sparse.size={size}", $"GNU.sparse.map={map}").Add("f", content: [1, 2]).End());

    [Theory]
    [InlineData("1\n0\n1\n", 10)]
    [InlineData("2\n0\n1\n", 10)]
    [InlineData("x", 10)]
    [InlineData("\n", 10)]
    [InlineData("1000001\n", 10)]
    [InlineData("9999999999999999999\n", 10)]
    [InlineData("1\n5\n2\n", 6)]
    public void Sparse_maps_in_content_that_cannot_be(string map, long size)
    {
        byte[] content = new byte[514];
        RawTar.Put(content, 0, map);
        Refused(new RawTar().Pax('x', "GNU.sparse.major=1", "GNU.sparse.minor=0", $"GNU.sparse.realsize={size}").Add("f", content: content).End());
    }

    [Fact]
    public void Old_sparse_maps_that_cannot_be()
    {
        void Header(byte[] block)
        {
            RawTar.Put(block, 257, "ustar  \0");
            RawTar.Put(block, 386, "00000000005\000000000001\0");
            RawTar.Put(block, 410, "00000000002\000000000001\0");
            RawTar.Put(block, 483, "00000000100\0");
        }

        void Endless(byte[] block)
        {
            block[482] = 1;
            RawTar.Put(block, 257, "ustar  \0");
        }

        Refused(new RawTar().Add("f", 'S', [1, 2], Header).End());
        byte[] again = new byte[512];
        again[504] = 1;
        var endless = new RawTar().Add("f", 'S', change: Endless);
        for (int i = 0; i < 1000; i++) endless.Block(again);
        Refused(endless.ToArray());
    }

    [Fact]
    public void Sparse_maps_without_end()
    {
        var map = new StringBuilder("GNU.sparse.map=");
        for (int i = 0; i <= TarLimits.SparseRuns; i++) map.Append("0,0,");
        Assert.Contains("runs", Refused(new RawTar().Pax('x', "GNU.sparse.size=0", map.ToString(0, map.Length - 1)).Add("f").End()).Message);
    }

    [Fact]
    public void Extension_headers_without_end()
    {
        var archive = new RawTar();
        for (int i = 0; i < 100; i++) archive.Pax('x', "path=f");
        Assert.Contains("in a row", Refused(archive.Add("f").End()).Message);
    }

    [Fact]
    public void Names_without_end()
    {
        string name = "path=" + new string('n', 600_000);
        Assert.Contains("names", Refused(new RawTar().Pax('x', name).Pax('x', name).Add("f").End()).Message);
    }

    [Fact]
    public void Extension_headers_that_are_too_large_are_not_read()
    {
        void Huge(byte[] block) => RawTar.Put(block, 124, "77777777777\0");
        foreach (char type in "xgLK") Assert.Contains("extension header of", Refused(new RawTar().Add("big", type, change: Huge).ToArray()).Message);
    }

    [Fact]
    public void Attributes_without_end()
    {
        Assert.Contains("65537", Refused(new RawTar().Pax('x', "SCHILY.xattr.user.a=" + new string('v', 65537)).Add("f").End()).Message);
        string[] many = [.. Enumerable.Range(0, 2000).Select(i => $"SCHILY.xattr.{new string('n', 240)}{i}=")];
        Assert.Contains("too many", Refused(new RawTar().Pax('x', many).Add("f").End()).Message);
        Assert.Contains("global", Refused(new RawTar().Pax('g', many[..100]).Add("f").End()).Message);
    }

    [Theory]
    [InlineData('2', "")]
    [InlineData('1', "")]
    [InlineData('1', "../x")]
    [InlineData('1', "./")]
    [InlineData('M', "")]
    [InlineData('Z', "")]
    public void Entries_that_cannot_be(char type, string link) => Refused(new RawTar().Add("f", type, change: block => RawTar.Put(block, 157, link)).End());

    [Fact]
    public void Entries_without_a_name()
    {
        Refused(new RawTar().Add("").End());
        Refused(new RawTar().Add("./").Add("./", '6').End());
        Refused(new RawTar().Add("a/../../b").End());
        Refused(new RawTar().Pax('x', "path=f").End());
        Refused(new RawTar().Pax('x', "path=f").ToArray());
    }
}
