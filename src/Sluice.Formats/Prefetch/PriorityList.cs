using System.Buffers;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Prefetch;

/// <summary>
/// What to fetch ahead as lines of text, each an absolute path: overlaybd's priority list and the prefetch patterns of Nydus. A directory, which overlaybd has end with <c>/</c> or <c>*</c>, means all
/// files in it. Empty lines count for nothing.
/// </summary>
public static class PriorityList
{
    private const string Format = "priority list";

    /// <summary>Bytes of a file that we read.</summary>
    public const int MaxLength = 1 << 20;

    /// <summary>Bytes of a file that overlaybd reads, and the characters of its paths.</summary>
    private const int MaxOverlayBd = 64 << 10;

    private static readonly SearchValues<byte> OverlayBdCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./"u8);

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

    /// <summary>Each path once. Parts of files can't be said: all of the file is meant. Names with line breaks, and what no list is long enough for, are left out, and paths that are not absolute.</summary>
    public static byte[] Write(IEnumerable<FileRange> files) => Write(files, static path => !path.ContainsAnyInRange((byte)0, (byte)0x1f) && path[^1] is not ((byte)' ' or (byte)'*'), MaxLength);

    /// <summary>The same of what overlaybd takes: paths of letters, digits and <c>_-./</c>, in 64 KiB.</summary>
    public static byte[] WriteForOverlayBd(IEnumerable<FileRange> files) => Write(files, static path => !path.ContainsAnyExcept(OverlayBdCharacters), MaxOverlayBd);

    private static byte[] Write(IEnumerable<FileRange> files, Func<ReadOnlySpan<byte>, bool> isSayable, int limit)
    {
        List<byte> list = [];
        foreach (FileName path in files.Select(file => file.Path).Distinct())
        {
            if (path.Bytes is [(byte)'/', ..] && isSayable(path.Bytes) && list.Count + path.Bytes.Length < limit) list.AddRange([.. path.Bytes, (byte)'\n']);
        }

        return [.. list];
    }
}
