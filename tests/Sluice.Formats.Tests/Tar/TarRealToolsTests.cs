using System.Globalization;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Tar;

/// <summary>Archives that other programs made.</summary>
public class TarRealToolsTests
{
    [Theory]
    [InlineData("v7", false)]
    [InlineData("oldgnu", true)]
    [InlineData("gnu", true)]
    [InlineData("ustar", false)]
    [InlineData("pax", true)]
    public void Archives_of_gnu_tar(string format, bool longNames)
    {
        using var directory = new TemporaryDirectory();
        string source = Directory.CreateDirectory(directory.File("source")).FullName;
        SourceTree.Make(source, longNames);
        if (format == "v7") File.Delete(Path.Combine(source, "fifo"));
        Tool.Run(directory.Path, "tar", $"--format={format}", "-C", "source", "-cf", "a.tar", ".");
        CompareWithDisk(source, File.ReadAllBytes(directory.File("a.tar")), wholeSeconds: format != "pax");
    }

    [Theory]
    [InlineData("USTAR", false)]
    [InlineData("GNU", true)]
    [InlineData("PAX", true)]
    public void Archives_of_python(string format, bool longNames)
    {
        using var directory = new TemporaryDirectory();
        string source = Directory.CreateDirectory(directory.File("source")).FullName;
        SourceTree.Make(source, longNames);
        Tool.Run(directory.Path, "python3", "-c", $"import tarfile; t = tarfile.open('a.tar', 'w', format=tarfile.{format}_FORMAT); t.add('source', '.'); t.close()");
        CompareWithDisk(source, File.ReadAllBytes(directory.File("a.tar")), wholeSeconds: format != "PAX");
    }

    [Theory]
    [InlineData("gnu", null)]
    [InlineData("oldgnu", null)]
    [InlineData("pax", "0.0")]
    [InlineData("pax", "0.1")]
    [InlineData("pax", "1.0")]
    public void Sparse_files_of_gnu_tar(string format, string? version)
    {
        using var directory = new TemporaryDirectory();
        string source = Directory.CreateDirectory(directory.File("source")).FullName;
        foreach (int runs in (int[])[1, 3, 4, 5, 26, 200])
        {
            SourceTree.MakeSparse(Path.Combine(source, $"{runs}-hole"), runs, endsInHole: true);
            SourceTree.MakeSparse(Path.Combine(source, $"{runs}-data"), runs, endsInHole: false);
        }

        using (FileStream empty = File.Create(Path.Combine(source, "all-hole"))) empty.SetLength(1_000_000);
        File.WriteAllText(Path.Combine(source, "zz-after"), "after");
        string[] arguments = ["--sparse", "--hole-detection=raw", $"--format={format}", "-cf", "a.tar", "source"];
        if (version is not null) arguments = [$"--sparse-version={version}", .. arguments];
        Tool.Run(directory.Path, "tar", arguments);

        byte[] archive = File.ReadAllBytes(directory.File("a.tar"));
        var entries = TarListing.ByPath(archive);
        foreach (string file in Directory.GetFiles(source))
        {
            (TarEntry entry, byte[] content) = entries[$"source/{Path.GetFileName(file)}"];
            Assert.True(File.ReadAllBytes(file).AsSpan().SequenceEqual(content), file);
            if (Path.GetFileName(file) != "zz-after") Assert.NotNull(entry.SparseMap);
        }

        Assert.Equal(14, entries.Values.Count(item => item.Entry.Type == TarEntryType.Regular));
        Assert.Equal(3, entries["source/3-hole"].Entry.SparseMap!.Count);
    }

    [Fact]
    public void Extended_attributes_of_gnu_tar()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("f"), "x");
        if (Tool.TryRun(directory.Path, "setfattr", "-n", "user.binary", "-v", "0x00ff0a3d80", "f").ExitCode != 0) Assert.Skip("no extended attributes here");
        Tool.Run(directory.Path, "setfattr", "-n", "user.a=b%c", "-v", "text", "f");
        Tool.Run(directory.Path, "setfattr", "-n", "user.empty", "f");
        Tool.Run(directory.Path, "tar", "--xattrs", "--xattrs-include=*", "-cf", "a.tar", "f");
        TarEntry entry = Assert.Single(TarListing.Read(File.ReadAllBytes(directory.File("a.tar")))).Entry;
        Assert.Equal(["user.a=b%c", "user.binary", "user.empty"], entry.ExtendedAttributes.Select(a => a.Name.ToString()));
        Assert.Equal(["74657874", "00FF0A3D80", ""], entry.ExtendedAttributes.Select(a => Convert.ToHexString(a.Value)));
    }

    [Fact]
    public void Large_and_negative_numbers_of_gnu_tar()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("f"), "x");
        foreach (string format in (string[])["gnu", "pax"])
        {
            Tool.Run(directory.Path, "tar", $"--format={format}", "--owner=o:4294967294", "--group=g:3000000000", "--mtime=1960-01-01", "-cf", "a.tar", "f");
            TarEntry entry = Assert.Single(TarListing.Read(File.ReadAllBytes(directory.File("a.tar")))).Entry;
            Assert.Equal((4294967294u, 3000000000u), (entry.UserId, entry.GroupId));
            Assert.Equal(new FileTime(-315619200, 0), entry.ModificationTime);
        }
    }

    /// <summary>GNU tar 1.34 itself reads its "-4.25" back as -3.75; POSIX and Go read it as we do.</summary>
    [Fact]
    public void Negative_times_with_fractions_of_gnu_tar()
    {
        using var directory = new TemporaryDirectory();
        Tool.Run(directory.Path, "touch", "-d", "@-4.25", "f");
        Tool.Run(directory.Path, "tar", "--format=pax", "-cf", "a.tar", "f");
        TarEntry entry = Assert.Single(TarListing.Read(File.ReadAllBytes(directory.File("a.tar")))).Entry;
        Assert.Equal(new FileTime(-5, 750_000_000), entry.ModificationTime);
    }

    [Fact]
    public void Devices_of_gnu_tar()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("making devices needs root");
        using var directory = new TemporaryDirectory();
        if (Tool.TryRun(directory.Path, "mknod", "null", "c", "1", "3").ExitCode != 0) Assert.Skip("devices can't be made here");
        Tool.Run(directory.Path, "mknod", "disk", "b", "259", "70000");
        foreach (string format in (string[])["gnu", "ustar", "pax"])
        {
            Tool.Run(directory.Path, "tar", $"--format={format}", "-cf", "a.tar", "null", "disk");
            var entries = TarListing.Read(File.ReadAllBytes(directory.File("a.tar")));
            Assert.Equal([TarEntryType.CharacterDevice, TarEntryType.BlockDevice], entries.Select(item => item.Entry.Type));
            Assert.Equal([new DeviceNumber(1, 3), new DeviceNumber(259, 70000)], entries.Select(item => item.Entry.Device));
        }
    }

    /// <summary>Everything on disk is in the archive, and nothing else. Of a file's names one has the content.</summary>
    private static void CompareWithDisk(string source, byte[] archive, bool wholeSeconds)
    {
        var entries = TarListing.ByPath(archive);
        string[] paths = [.. Directory.EnumerateFileSystemEntries(source, "*", SearchOption.AllDirectories), source];
        Assert.Equal(paths.Length, entries.Count);
        string[] stats = Tool.Run(source, "stat", ["-c", "%f %u %g %.9Y", .. paths]).TrimEnd('\n').Split('\n');
        foreach ((string path, string line) in paths.Zip(stats))
        {
            string relative = path == source ? "" : Path.GetRelativePath(source, path);
            (TarEntry entry, byte[] content) = entries[relative];
            if (entry.Type == TarEntryType.HardLink) (entry, content) = entries[entry.LinkTarget.ToString()];
            string[] stat = line.Split(' ', '.');
            int mode = int.Parse(stat[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            Assert.Equal((TarEntryType)(mode & 0xF000), entry.Type);
            Assert.Equal(mode & 0xFFF, entry.Mode);
            Assert.Equal($"{stat[1]} {stat[2]}", $"{entry.UserId} {entry.GroupId}");
            Assert.Equal(stat[3], $"{entry.ModificationTime.Seconds}");
            // Python's floats hold microseconds only.
            if (!wholeSeconds) Assert.Equal(uint.Parse(stat[4], CultureInfo.InvariantCulture) / 1000.0, entry.ModificationTime.Nanoseconds / 1000.0, 1.0);
            if (entry.Type == TarEntryType.SymbolicLink) Assert.Equal(new FileInfo(path).LinkTarget, entry.LinkTarget.ToString());
            if (entry.Type == TarEntryType.Regular) Assert.Equal(File.ReadAllBytes(path), content);
        }
    }
}
