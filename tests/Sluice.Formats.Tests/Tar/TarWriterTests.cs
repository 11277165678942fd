using System.Text;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Tar;

public class TarWriterTests
{
    [Fact]
    public void Plain_entries_need_no_pax()
    {
        byte[] archive = Write(
            (new TarEntry { Path = new FileName("image"), Type = TarEntryType.Directory, Mode = 0x1ED }, []),
            (new TarEntry { Path = new FileName("image/image.boot"), Type = TarEntryType.Regular, Mode = 0x124, Size = 3 }, "abc"u8.ToArray()));
        Assert.Equal(512 + 512 + 512 + 1024, archive.Length);
        Assert.Equal(["image", "image/image.boot"], TarListing.Read(archive).Select(item => item.Entry.Path.ToString()));
        Assert.Equal("image/\0"u8.ToArray(), archive[..7]);
        Assert.Equal("ustar\000"u8.ToArray(), archive[257..265]);
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            (TarEntry Entry, byte[] Stored)[] entries = [.. RandomEntries.Make(seed)];
            byte[] archive = Write(entries);
            Assert.Equal(archive, Write(entries));
            var back = TarListing.Read(new ChoppyStream(archive, seed, 100_000));
            Assert.Equal(entries.Select(item => TarListing.Describe(item.Entry)), back.Select(item => TarListing.Describe(item.Entry)));
            for (int i = 0; i < entries.Length; i++) Assert.Equal(RandomEntries.Expand(entries[i].Entry, entries[i].Stored), back[i].Content);
        }
    }

    [Fact]
    public void Gnu_tar_takes_what_is_written()
    {
        using var directory = new TemporaryDirectory();
        Directory.CreateDirectory(directory.File("out"));
        string name = new('n', 200), target = new('t', 300);
        byte[] content = Encoding.ASCII.GetBytes(new string('x', 4096) + new string('y', 4096));
        File.WriteAllBytes(directory.File("a.tar"), Write(
            (new TarEntry { Path = default, Type = TarEntryType.Directory, Mode = 0x1C0 }, []),
            (new TarEntry { Path = new FileName(name), Type = TarEntryType.Directory, Mode = 0x1ED }, []),
            (new TarEntry { Path = new FileName($"{name}/{name}"), Type = TarEntryType.Regular, Mode = 0x1A4, Size = 2, UserId = 4000000000, ModificationTime = new FileTime(-5, 0) }, "hi"u8.ToArray()),
            (new TarEntry { Path = new FileName("hard"), Type = TarEntryType.HardLink, LinkTarget = new FileName($"{name}/{name}") }, []),
            (new TarEntry { Path = new FileName("symbolic"), Type = TarEntryType.SymbolicLink, LinkTarget = new FileName(target), Mode = 0x1FF, ModificationTime = new FileTime(5, 999_999_999) }, []),
            (new TarEntry
            {
                Path = new FileName("attributes"),
                Type = TarEntryType.Regular,
                Mode = 0x1A4,
                ExtendedAttributes = [new(new FileName("user.a=b%c"), "\0\xFF"u8.ToArray()), new(new FileName("user.z"), [])],
            }, []),
            (new TarEntry { Path = new FileName("sparse"), Type = TarEntryType.Regular, Mode = 0x1A4, Size = 1 << 20, SparseMap = [new(4096, 4096), new(65536, 4096)] }, content),
            (new TarEntry { Path = new FileName("hole"), Type = TarEntryType.Regular, Mode = 0x1A4, Size = 70000, SparseMap = [] }, []),
            (new TarEntry { Path = new FileName("fifo"), Type = TarEntryType.Fifo, Mode = 0x1A4 }, [])));

        (int exitCode, string listing, string error) = Tool.TryRun(directory.Path, "tar", "--numeric-owner", "--full-time", "-tvf", "a.tar");
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("1969-12-31 23:59:55 ", listing);
        Assert.Contains("1970-01-01 00:00:05.999999999 ", listing);
        Assert.Contains("4000000000/0", listing);
        Assert.Contains("1048576", listing);
        Assert.Contains($"symbolic -> {target}", listing);

        Tool.Run(directory.Path, "tar", "--no-same-owner", "--no-same-permissions", "-C", "out", "-xf", "a.tar");
        Assert.Equal("hi", File.ReadAllText(directory.File("out/hard")));
        byte[] sparse = File.ReadAllBytes(directory.File("out/sparse"));
        Assert.Equal(1 << 20, sparse.Length);
        Assert.Equal(content, sparse[4096..8192].Concat(sparse[65536..69632]));
        Assert.Equal(new byte[70000], File.ReadAllBytes(directory.File("out/hole")));
        Assert.True(File.Exists(directory.File("out/fifo")));
        if (Tool.TryRun(directory.Path, "tar", "--xattrs", "--xattrs-include=*", "-C", "out", "-xf", "a.tar", "attributes").Error is { Length: > 0 }) return;
        Assert.Contains("user.a\\075b%c=0x00c3bf", Tool.Run(directory.Path, "getfattr", "-d", "-e", "hex", "out/attributes"));
    }

    [Fact]
    public void Python_takes_what_is_written()
    {
        using var directory = new TemporaryDirectory();
        (TarEntry Entry, byte[] Stored)[] entries = [.. RandomEntries.Make(5)];
        File.WriteAllBytes(directory.File("a.tar"), Write(entries));
        string names = Tool.Run(directory.Path, "python3", "-c",
            "import tarfile, os\nfor m in tarfile.open('a.tar', errors='surrogateescape'): print(os.fsencode(m.name).hex(), m.uid, m.size)");
        Assert.Equal(
            entries.Select(item => $"{Convert.ToHexStringLower(item.Entry.Path.IsEmpty ? "."u8 : item.Entry.Path.Bytes)} {item.Entry.UserId} {item.Entry.Size}"),
            names.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void Large_sizes_need_a_record()
    {
        const long size = (8L << 30) + 1;
        using var stream = new MemoryStream();
        using var writer = new TarWriter(stream);
        writer.WriteEntry(new TarEntry { Path = new FileName("big"), Type = TarEntryType.Regular, Size = size });
        writer.WriteContent(new byte[1 << 20]);
        Assert.Throws<InvalidOperationException>(writer.Finish);
        stream.Position = 0;
        using var reader = new TarReader(stream);
        Assert.Equal(size, reader.ReadEntry()!.Size);
        Assert.Throws<InvalidFormatException>(() => reader.ReadEntry());
    }

    [Fact]
    public void Entries_that_cannot_be_are_refused()
    {
        using var writer = new TarWriter(Stream.Null);
        TarEntry[] refused =
        [
            new() { Path = new FileName("../x"), Type = TarEntryType.Regular },
            new() { Path = new FileName("/x"), Type = TarEntryType.Regular },
            new() { Path = new FileName("x/"), Type = TarEntryType.Directory },
            new() { Path = new FileName("x\0y"), Type = TarEntryType.Regular },
            new() { Path = default, Type = TarEntryType.Fifo },
            new() { Path = new FileName("l"), Type = TarEntryType.SymbolicLink },
            new() { Path = new FileName("l"), Type = TarEntryType.HardLink, LinkTarget = new FileName("./x") },
            new() { Path = new FileName("d"), Type = TarEntryType.Directory, Size = 1 },
            new() { Path = new FileName("f"), Type = TarEntryType.Regular, Size = -1 },
            new() { Path = new FileName("f"), Type = TarEntryType.Regular, Device = new DeviceNumber(1, 1) },
            new() { Path = new FileName("f"), Type = TarEntryType.Regular, ModificationTime = new FileTime(0, 1_000_000_000) },
            new() { Path = new FileName("f"), Type = TarEntryType.Regular, Size = 10, SparseMap = [new(5, 6)] },
            new() { Path = new FileName("f"), Type = TarEntryType.Regular, Size = 10, SparseMap = [new(5, 2), new(3, 2)] },
            new() { Path = new FileName("f"), Type = TarEntryType.Regular, ExtendedAttributes = [new(new FileName("b"), []), new(new FileName("a"), [])] },
            new() { Path = new FileName("f"), Type = TarEntryType.Regular, ExtendedAttributes = [new(new FileName("b"), new byte[65537])] },
        ];
        Assert.All(refused, entry => Assert.Throws<ArgumentException>(() => writer.WriteEntry(entry)));
        writer.WriteEntry(new TarEntry { Path = new FileName("f"), Type = TarEntryType.Regular, Size = 1 });
        Assert.Throws<InvalidOperationException>(() => writer.WriteContent([1, 2]));
    }

    private static byte[] Write(params (TarEntry Entry, byte[] Stored)[] entries)
    {
        using var stream = new MemoryStream();
        using (var writer = new TarWriter(stream, leaveOpen: true))
        {
            bool asStream = false;
            foreach ((TarEntry entry, byte[] stored) in entries)
            {
                if (asStream = !asStream) writer.WriteEntry(entry, new MemoryStream(stored));
                else writer.WriteEntry(entry, stored);
            }

            writer.Finish();
            Assert.Equal(stream.Length, writer.Position);
        }

        return stream.ToArray();
    }
}
