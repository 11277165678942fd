using Sluice.Formats.Trees;

namespace Sluice.Formats.Prefetch;

/// <summary>
/// What to fetch ahead as lines of text, each an absolute path: overlaybd's priority list and the prefetch patterns of Nydus. A directory, which overlaybd has end with <c>/</c> or <c>*</c>, means all
/// files in it. Empty lines count for nothing.
/// </summary>
public static class PriorityList
{
    private const string Format = "priority list";

    /// <summary>Bytes of a file that we read; overlaybd reads 64 KiB.</summary>
    public const int MaxLength = 1 << 20;

    /// <exception cref="InvalidFormatException">Something else.</exception>
    public static IReadOnlyList<FileRange> Read(ReadOnlySpan<byte> file)
    {
        if (file.Length > MaxLength) throw new InvalidFormatException(Format, $"longer than {MaxLength >> 20} MiB");
        List<FileRange> files = [];
        int at = 0;
        foreach (Range part in file.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = file[part].TrimEnd(" \t\r"u8);
            if (!line.IsEmpty)
            {
                if (line[0] != '/' || line.ContainsAnyInRange((byte)0, (byte)0x1f)) throw new InvalidFormatException(Format, "a line that is no absolute path", at);
                files.Add(new FileRange(new FileName(line.TrimEnd((byte)'*'))));
            }

            at += file[part].Length + 1;
        }

        return files;
    }

    /// <summary>Each path once. Parts of files can't be said: all of the file is meant.</summary>
    public static byte[] Write(IEnumerable<FileRange> files) => [.. files.Select(file => file.Path).Distinct().SelectMany(path => (byte[])[.. path.Bytes, (byte)'\n'])];
}
