using System.IO.Compression;
using System.Text;
using Sluice.Formats.Tar;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Tar;

/// <summary>Seeded mutations of real archives: each is read or refused with the one typed error, in bounded memory.</summary>
public class TarFuzzTests
{
    private static readonly byte[] TypeFlags = "\00123456789xgXLKSVMDAEN"u8.ToArray();

    [Theory]
    [InlineData("nydus/all-entry-type.tar")]
    [InlineData("nydus/all-entry-type-macos.tar")]
    [InlineData("nydus/generated/layer1.tar.gz")]
    [InlineData("nydus/generated/layer2.tar.gz")]
    public void Golden_archives(string path)
    {
        using Stream file = File.OpenRead(Golden.Path(path));
        using Stream archive = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        var bytes = new MemoryStream();
        archive.CopyTo(bytes);
        Mutate(bytes.ToArray(), seed: path.Length);
    }

    [Theory]
    [InlineData("v7")]
    [InlineData("gnu")]
    [InlineData("pax")]
    [InlineData("pax", "--sparse-version=0.0")]
    [InlineData("pax", "--sparse-version=0.1")]
    public void Archives_of_gnu_tar(string format, params string[] more)
    {
        using var directory = new TemporaryDirectory();
        string source = Directory.CreateDirectory(directory.File("source")).FullName;
        SourceTree.Make(source, longNames: format is "gnu" or "pax");
        if (format == "v7") File.Delete(Path.Combine(source, "fifo"));
        else SourceTree.MakeSparse(Path.Combine(source, "sparse"), 40, endsInHole: true);
        string[] sparse = format == "v7" ? [] : ["--sparse", "--hole-detection=raw"];
        Tool.Run(directory.Path, "tar", [.. more, $"--format={format}", .. sparse, "-cf", "a.tar", "source"]);
        Mutate(File.ReadAllBytes(directory.File("a.tar")), seed: 77);
    }

    [Fact]
    public void Archives_of_ours()
    {
        using var stream = new MemoryStream();
        using var writer = new TarWriter(stream);
        foreach ((TarEntry entry, byte[] stored) in RandomEntries.Make(9)) writer.WriteEntry(entry, stored);
        writer.Finish();
        Mutate(stream.ToArray(), seed: 99);
    }

    /// <summary>Fewer for large archives, each mutation being a copy.</summary>
    private static int MutationsOf(byte[] archive) => (int)Math.Min(1000, (300L << 20) / archive.Length);

    private static void Mutate(byte[] archive, int seed)
    {
        var random = new Random(seed);
        int refused = 0;
        long[] headers = HeaderBlocks(archive);
        int mutations = MutationsOf(archive);
        for (int i = 0; i < mutations; i++)
        {
            byte[] mutated = (byte[])archive.Clone();
            for (int changes = random.Next(1, 5); changes > 0; changes--) Change(mutated, headers, random);
            if (random.Next(10) == 0) mutated = mutated[..random.Next(mutated.Length)];
            if (!Survives(mutated, i)) refused++;
        }

        Assert.InRange(refused, mutations / 20, mutations - 1);
    }

    /// <summary>Most changes go where the structure is, and mostly leave the checksum right: else nothing behind it would be reached.</summary>
    private static void Change(byte[] archive, long[] headers, Random random)
    {
        long block = random.Next(4) == 0 ? random.Next(archive.Length / 512) * 512L : headers[random.Next(headers.Length)];
        Span<byte> target = archive.AsSpan((int)block, 512);
        int at = random.Next(512);
        switch (random.Next(6))
        {
            case 0: target[at] = (byte)random.Next(256); break;
            case 1: target[at] ^= (byte)(1 << random.Next(8)); break;
            case 2: target[156] = TypeFlags[random.Next(TypeFlags.Length)]; break;
            case 3: Encoding.ASCII.GetBytes(Convert.ToString(random.NextInt64(1L << random.Next(1, 33)), 8).PadLeft(11, '0')).CopyTo(target[124..]); break;
            case 4: random.NextBytes(target.Slice(at, Math.Min(12, 512 - at))); break;
            default: target[at] = (byte)"0123456789,\n =-/."[random.Next(17)]; break;
        }

        if (random.Next(5) != 0) TarChecksum.Write(target);
    }

    private static long[] HeaderBlocks(byte[] archive)
    {
        var headers = new List<long>();
        for (int offset = 0; offset + 512 <= archive.Length; offset += 512)
        {
            if (TarChecksum.Matches(archive.AsSpan(offset, 512)) && archive[offset] != 0)
            {
                headers.Add(offset);
                if (archive[offset + 156] is (byte)'x' or (byte)'L' or (byte)'K') headers.Add(offset + 512);
            }
        }

        return [.. headers];
    }

    private static bool Survives(byte[] archive, int index)
    {
        using Stream stream = index % 3 == 0 ? new ChoppyStream(archive, index, 50_000) : new MemoryStream(archive);
        using var reader = new TarReader(stream);
        byte[] buffer = new byte[20_000];
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            while (reader.ReadEntry() is { } entry)
            {
                Assert.True(entry.Size >= 0 && entry.Mode < 0x1000);
                Assert.False(entry.Path.Bytes.StartsWith("/"u8) || entry.Path.Bytes.EndsWith("/"u8));
                if (index % 2 == 0) continue;
                // A hole may be as long as it claims to be, data not.
                while (reader.ContentPosition < entry.Size)
                {
                    if (reader.HoleLength > 0) reader.SkipContent(reader.HoleLength);
                    else Assert.True(reader.ReadContent(buffer.AsSpan(0, 1 + (int)(reader.ContentPosition & 0xFFF))) > 0);
                }
            }

            return true;
        }
        catch (InvalidFormatException)
        {
            return false;
        }
        finally
        {
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 << 20, "a mutated archive took too much memory");
        }
    }
}
