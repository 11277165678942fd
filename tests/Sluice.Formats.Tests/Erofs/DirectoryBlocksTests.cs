using System.Text;
using Sluice.Formats.Erofs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Erofs;

public sealed class DirectoryBlocksTests
{
    [Theory]
    [InlineData("", ". ..")]
    [InlineData("a", ". .. a")]
    [InlineData("!x a", "!x . .. a")]
    [InlineData("! .- .a", "! . .- .. .a")]
    [InlineData("! -", "! - . ..")]
    public void Dot_and_dotdot_sort_among_the_names(string entries, string expected)
    {
        Assert.Equal(expected, string.Join(' ', Collect(Words(entries)).Select(name => name.Name)));
    }

    [Theory]
    [InlineData(0, 27)]
    [InlineData(1, 27 + 267)]
    [InlineData(15, 27 + (15 * 267))]
    [InlineData(16, 4096 + 267)]
    [InlineData(31, 8192 + 267)]
    public void Size_counts_full_blocks_before_the_last(int longNames, long expected)
    {
        List<DirectoryName> names = Collect(Enumerable.Range(0, longNames).Select(i => $"{i:D255}"));
        Assert.Equal(expected, DirectoryBlocks.Measure(names, 4096));
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void What_is_written_reads_back(int blockSize)
    {
        var random = new Random(blockSize);
        IEnumerable<string> entries = Enumerable.Range(0, 500).Select(i => $"{i}{new string('x', random.Next(250))}");
        List<DirectoryName> names = Collect(entries.ToHashSet(StringComparer.Ordinal));
        byte[] content = new byte[DirectoryBlocks.Measure(names, blockSize)];
        DirectoryBlocks.Write(names, blockSize, content);

        byte[] padded = new byte[(content.Length + blockSize - 1) / blockSize * blockSize];
        content.CopyTo(padded, 0);
        var node = new ErofsNode
        {
            Nid = 0,
            Offset = 0,
            HeaderSize = 64,
            Layout = ErofsDataLayout.FlatPlain,
            XattrSize = 0,
            Fields = new ErofsInode { Size = (ulong)content.Length },
        };
        var read = new List<DirectoryName>();
        DirectoryReader.Read(new ErofsImage(padded, "test") { BlockSize = blockSize }, node, read);
        Assert.Equal(names, read);
    }

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static List<DirectoryName> Collect(IEnumerable<string> entries)
    {
        var directory = new SortedDictionary<FileName, Inode>();
        foreach (string name in entries) directory.Add(new FileName(Encoding.UTF8.GetBytes(name)), new Inode { Type = FileType.Fifo });
        var names = new List<DirectoryName>();
        DirectoryBlocks.Collect(directory, names, which => ((ulong)Math.Max(0, which + 1), which < 0 ? (byte)2 : (byte)5));
        return names;
    }
}
