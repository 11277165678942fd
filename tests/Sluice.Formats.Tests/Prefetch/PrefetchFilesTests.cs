using System.Text;
using Sluice.Formats.Prefetch;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Prefetch;

public sealed class PrefetchFilesTests
{
    private static readonly FileName A = new("/a"), B = new("/dir/é \"b\"");

    [Fact]
    public void What_Nydus_writes_is_read()
    {
        IReadOnlyList<FileRange> ranges = PrefetchFiles.Read("""{"version":"v1","files":[{"path":"/a","ranges":[[0,4096],[8192,100]]},{"path":"/c"},{"path":"/d","ranges":[]},{"path":"/e","ranges":null}]}"""u8.ToArray());
        Assert.Equal([new(A, 0, 4096), new(A, 8192, 100), new(new FileName("/c")), new(new FileName("/d")), new FileRange(new FileName("/e"))], ranges);
        Assert.Equal([false, false, true, true, true], ranges.Select(range => range.IsAll));
    }

    [Fact]
    public void Files_read_back_in_their_order()
    {
        FileRange[] ranges = [new(B, 0, 4096), new(A), new(B, 4096, 1), new(B, 1L << 40, 5), new(A, 3, 4)];
        Assert.Equal(ranges, PrefetchFiles.Read(PrefetchFiles.Write(ranges)));
        Assert.Empty(PrefetchFiles.Read(PrefetchFiles.Write([])));
    }

    [Fact]
    public void A_name_that_can_not_be_said_is_left_out() =>
        Assert.Equal([new FileRange(A)], PrefetchFiles.Read(PrefetchFiles.Write([new(new FileName([(byte)'/', 0xff])), new(new FileName("")), new(new FileName("a")), new(new FileName("/\0")), new(A)])));

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"version":"v2","files":[]}""")]
    [InlineData("""{"version":1,"files":[]}""")]
    [InlineData("""{"version":"v1"}""")]
    [InlineData("""{"version":"v1","files":{}}""")]
    [InlineData("""{"version":"v1","files":[{"ranges":[]}]}""")]
    [InlineData("""{"version":"v1","files":[{"path":"a"}]}""")]
    [InlineData("""{"version":"v1","files":[{"path":"/a","ranges":[[1]]}]}""")]
    [InlineData("""{"version":"v1","files":[{"path":"/a","ranges":[[-1,4]]}]}""")]
    [InlineData("""{"version":"v1","files":[{"path":"/a","ranges":[[0,-4]]}]}""")]
    [InlineData("""{"version":"v1","files":[{"path":"/a","ranges":[["0",4]]}]}""")]
    [InlineData("""{"version":"v1","files":[{"path":"/a","ranges":7}]}""")]
    public void Other_things_are_refused(string text) => Assert.Throws<InvalidFormatException>(() => PrefetchFiles.Read(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void A_list_is_read_line_by_line()
    {
        Assert.Equal(["/bin/sh", "/etc/", "/usr/lib/"], PriorityList.Read("/bin/sh\r\n\n/etc/\n/usr/lib/*"u8).Select(file => file.Path.ToString()));
        Assert.All(PriorityList.Read("/bin/sh\n/etc/*\n"u8), file => Assert.True(file.IsAll));
        Assert.Equal("/a\n/dir/é \"b\"\n"u8, PriorityList.Write([new(A, 0, 4), new(B), new(A, 4, 4)]));
        Assert.Equal("/a\n"u8, PriorityList.WriteForOverlayBd([new(B), new(A), new(new FileName("/" + new string('x', 64 << 10)))]));
        Assert.Equal("/a\n"u8, PriorityList.Write([new(new FileName("/line\nbreak")), new(new FileName("/star*")), new(new FileName("/space ")), new(A)]));
        FileRange[] notAbsolute = [new(new FileName("")), new(new FileName("bin/sh")), new(A)];
        Assert.Equal("/a\n"u8, PriorityList.Write(notAbsolute));
        Assert.Equal("/a\n"u8, PriorityList.WriteForOverlayBd(notAbsolute));
        Assert.Throws<InvalidFormatException>(() => PriorityList.Read("/bin/sh\nbin/sh\n"u8));
        Assert.Throws<InvalidFormatException>(() => PriorityList.Read("/bin/\0sh\n"u8));
        Assert.Throws<InvalidFormatException>(() => PriorityList.Read(new byte[PriorityList.MaxLength + 1]));
    }
}
