using System.Text;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Tar;

public class TarPiecesTests
{
    [Theory]
    [InlineData("0000644\0", 420)]
    [InlineData("   644 \0", 420)]
    [InlineData("\0\0\0\0\0\0\0\0", 0)]
    [InlineData("        ", 0)]
    [InlineData("7777777777777", 0x7FFFFFFFFF)]
    [InlineData("17\0rubbish", 15)]
    [InlineData("\x80\0\0\0\0\0\0\x01", 1)]
    [InlineData("\x80\0\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFE", 0xFFFFFFFFFFFFFE)]
    [InlineData("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE", -2)]
    [InlineData("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", -1)]
    public void Header_numbers(string field, long expected)
    {
        Assert.True(TarNumber.TryParse(Encoding.Latin1.GetBytes(field), out long value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("0000648\0")]
    [InlineData("-000644\0")]
    [InlineData("hello\0\0\0")]
    [InlineData("\x80\x01\0\0\0\0\0\0\0\0\0\0")]
    [InlineData("\x80\0\0\0\xFF\0\0\0\0\0\0\0")]
    [InlineData("\x81\0\0\0\0\0\0\0\0\0\0\0")]
    [InlineData("\xFF\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")]
    public void Malformed_header_numbers(string field) => Assert.False(TarNumber.TryParse(Encoding.Latin1.GetBytes(field), out _));

    [Theory]
    [InlineData("0", 0, 0)]
    [InlineData("1700000000.123456789", 1700000000, 123456789)]
    [InlineData("1700000000.5", 1700000000, 500000000)]
    [InlineData("-86400", -86400, 0)]
    [InlineData("-1.5", -2, 500000000)]
    [InlineData("-0.000000001", -1, 999999999)]
    public void Times_both_ways(string text, long seconds, uint nanoseconds)
    {
        Assert.True(PaxTime.TryParse(Encoding.ASCII.GetBytes(text), out FileTime time));
        Assert.Equal(new FileTime(seconds, nanoseconds), time);
        byte[] formatted = new byte[32];
        Assert.Equal(text, Encoding.ASCII.GetString(formatted, 0, PaxTime.Format(time, formatted)));
    }

    [Theory]
    [InlineData("1.1234567899", 1, 123456789)]
    [InlineData("-1.0000000001", -2, 999999999)]
    [InlineData("-1.9999999999", -2, 0)]
    [InlineData("7.", 7, 0)]
    public void Times_round_towards_the_past(string text, long seconds, uint nanoseconds)
    {
        Assert.True(PaxTime.TryParse(Encoding.ASCII.GetBytes(text), out FileTime time));
        Assert.Equal(new FileTime(seconds, nanoseconds), time);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData(".5")]
    [InlineData("1e9")]
    [InlineData("+1")]
    [InlineData("1.-5")]
    [InlineData("99999999999999999999")]
    public void Malformed_times(string text) => Assert.False(PaxTime.TryParse(Encoding.ASCII.GetBytes(text), out _));

    [Theory]
    [InlineData("a/b", "a/b")]
    [InlineData("./a/b/", "a/b")]
    [InlineData("//a//./b/.", "a/b")]
    [InlineData("./", "")]
    [InlineData("/", "")]
    [InlineData("..a/b../...", "..a/b../...")]
    public void Paths(string raw, string normal) => Assert.Equal(normal, TarPath.Normalise(Encoding.UTF8.GetBytes(raw), 0).ToString());

    [Theory]
    [InlineData("..")]
    [InlineData("a/../b")]
    [InlineData("../a")]
    [InlineData("a/..")]
    [InlineData("/..//a")]
    public void Paths_that_climb(string raw) => Assert.Throws<InvalidFormatException>(() => TarPath.Normalise(Encoding.UTF8.GetBytes(raw), 0));

    [Theory]
    [InlineData("user::rwx,user:lisa:r-x:502,group::r-x,mask::r-x,other::r--",
        "02000000" + "01000700FFFFFFFF" + "02000500F6010000" + "04000500FFFFFFFF" + "10000500FFFFFFFF" + "20000400FFFFFFFF")]
    [InlineData("u::rw-\ng::r--\no::---\n", "02000000" + "01000600FFFFFFFF" + "04000400FFFFFFFF" + "20000000FFFFFFFF")]
    [InlineData("user::rwx,user:7:r--,user:3:rw-,group::r-x,mask:rwx,other:r--",
        "02000000" + "01000700FFFFFFFF" + "0200060003000000" + "0200040007000000" + "04000500FFFFFFFF" + "10000700FFFFFFFF" + "20000400FFFFFFFF")]
    public void Access_control_lists(string text, string value)
    {
        Assert.True(PosixAclText.TryConvert(Encoding.ASCII.GetBytes(text), out byte[] binary));
        Assert.Equal(value, Convert.ToHexString(binary));
    }

    [Theory]
    [InlineData("")]
    [InlineData("user:lisa:r-x")]
    [InlineData("nobody::rwx")]
    [InlineData("user::rwz")]
    [InlineData("user")]
    [InlineData("mask:5:rwx")]
    public void Access_control_lists_that_cannot_be_kept(string text) => Assert.False(PosixAclText.TryConvert(Encoding.ASCII.GetBytes(text), out _));
}
