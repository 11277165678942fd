using System.Diagnostics;
using Sluice.Formats.Rafs;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Rafs;

/// <summary>erofs-utils, whose reading code is its own, judges what we write.</summary>
public sealed class ErofsUtilsTests
{
    [Theory]
    [InlineData(41, 1)]
    [InlineData(42, 3)]
    [InlineData(43, 9)]
    public void Fsck_finds_nothing_and_reads_every_file(int seed, int blobs)
    {
        if (!File.Exists("/usr/bin/fsck.erofs")) Assert.Skip("erofs-utils is not installed");
        var sample = new SampleImage(seed, blobs: blobs);
        using var directory = new TemporaryDirectory();
        string bootstrap = directory.File("image.boot");
        File.WriteAllBytes(bootstrap, RafsV6Writer.Write(sample.Image));
        var start = new ProcessStartInfo("/usr/bin/fsck.erofs") { RedirectStandardError = true, RedirectStandardOutput = true };
        start.ArgumentList.Add("-d3");
        start.ArgumentList.Add("--extract");
        foreach (string device in sample.WriteDevices(directory.Path)) start.ArgumentList.Add($"--device={device}");
        start.ArgumentList.Add(bootstrap);
        using Process fsck = Process.Start(start)!;
        string output = fsck.StandardError.ReadToEnd() + fsck.StandardOutput.ReadToEnd();
        fsck.WaitForExit();
        Assert.True(fsck.ExitCode == 0, output);
        Assert.Contains("No errors found", output, StringComparison.Ordinal);
    }
}
