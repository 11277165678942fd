using System.Text;

namespace Sluice.Formats.Tests.Tar;

/// <summary>A directory with all that an unprivileged user can make, to be packed by the machine's tar.</summary>
internal static class SourceTree
{
    public static readonly string LongName = string.Concat(Enumerable.Repeat("long-name-", 15));

    public static void Make(string directory, bool longNames)
    {
        var random = new Random(42);
        Directory.CreateDirectory(Path.Combine(directory, "sub/deeper/empty"));
        foreach (int size in (int[])[0, 1, 511, 512, 513, 40_000, 200_001])
        {
            byte[] content = new byte[size];
            random.NextBytes(content);
            File.WriteAllBytes(Path.Combine(directory, $"sub/file-{size}"), content);
        }

        foreach (string name in (string[])["with space", "ünïcödé", "quote\"'", "back\\slash", "=%"]) File.WriteAllText(Path.Combine(directory, name), name);
        Tool.Run(directory, "mkfifo", "fifo");
        Tool.Run(directory, "ln", "sub/file-513", "sub/deeper/hard");
        File.CreateSymbolicLink(Path.Combine(directory, "absolute"), "/no/where/./x//y");
        File.CreateSymbolicLink(Path.Combine(directory, "up"), "../../etc");
        Tool.Run(directory, "chmod", "6755", "sub/file-512");
        File.SetLastWriteTimeUtc(Path.Combine(directory, "sub/file-1"), DateTime.UnixEpoch.AddSeconds(1_500_000_000).AddTicks(1_234_567));
        if (!longNames) return;
        string deep = Path.Combine(directory, LongName, LongName);
        Directory.CreateDirectory(deep);
        File.WriteAllText(Path.Combine(deep, LongName), "deep");
        File.CreateSymbolicLink(Path.Combine(deep, "link"), Path.Combine("/", LongName, LongName, LongName));
        Tool.Run(deep, "ln", LongName, "hard");
    }

    /// <summary>A file with holes before, between and after its runs of data.</summary>
    public static void MakeSparse(string path, int runs, bool endsInHole)
    {
        using FileStream file = File.Create(path);
        for (int i = 0; i < runs; i++)
        {
            file.Seek(8192 * (2 * i + 1), SeekOrigin.Begin);
            file.Write(Encoding.ASCII.GetBytes(new string((char)('a' + i % 26), 4096 + i)));
        }

        if (endsInHole) file.SetLength(file.Length + 100_000);
    }
}
