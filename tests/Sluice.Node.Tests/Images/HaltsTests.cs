using System.Diagnostics;
using Sluice.Node.Configuration;
using Sluice.Node.Images;
using Sluice.Node.Tests.Support;

namespace Sluice.Node.Tests.Images;

/// <summary>What a killed daemon left standing still.</summary>
public sealed class HaltsTests
{
    private readonly List<string> _log = [];

    [Fact]
    public async Task A_file_system_that_a_commit_has_frozen_goes_on_and_one_of_somebody_else_stays()
    {
        using MountPlaces places = new();
        var options = new NodeOptions { State = places.Of("state") };
        string target = Mount("disk"), foreign = Mount("../elsewhere");
        try
        {
            _ = new Halts(options, _log.Add).Note(new Halt(target)); // never disposed: killed
            _ = new Halts(options, _log.Add).Note(new Halt(foreign));
            Shell($"fsfreeze -f {target} && fsfreeze -f {foreign}");
            await new Halts(options, _log.Add).UndoAsync(TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(Path.Combine(target, "written"), "again", TestContext.Current.CancellationToken);
            Shell($"fsfreeze -u {foreign}"); // fails if it is not frozen
        }
        finally
        {
            foreach (string mount in new[] { target, foreign }) Process.Start("fsfreeze", ["-u", mount]).WaitForExit();
        }

        Assert.Empty(Directory.EnumerateFiles(options.HaltsDirectory));

        string Mount(string name)
        {
            string image = Path.Combine(options.WritableDisksDirectory, name), directory = places.Of(Path.GetFileName(name));
            Shell($"mkdir -p {options.WritableDisksDirectory} {directory} && truncate -s 4M {image} && mkfs.ext4 -q {image} && mount -o loop $(realpath {image}) {directory}");
            return directory;
        }
    }

    [Fact]
    public async Task Notes_go_when_what_stood_still_goes_on_and_half_ones_mean_nothing()
    {
        using MountPlaces places = new();
        var options = new NodeOptions { State = places.Of("state") };
        using (new Halts(options, _log.Add).Note(new Halt("/somewhere"))) Assert.Single(Directory.EnumerateFiles(options.HaltsDirectory));
        Assert.Empty(Directory.EnumerateFiles(options.HaltsDirectory));
        await File.WriteAllTextAsync(Path.Combine(options.HaltsDirectory, "half"), "{\"Dir", TestContext.Current.CancellationToken);
        var next = new Halts(options, _log.Add);
        using IDisposable later = next.Note(new Halt("/later"));
        await next.UndoAsync(TestContext.Current.CancellationToken);
        Assert.Single(Directory.EnumerateFiles(options.HaltsDirectory)); // what this process has halted itself is none of that
    }

    private static void Shell(string script)
    {
        using Process shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-ec", script]) { RedirectStandardError = true })!;
        string errors = shell.StandardError.ReadToEnd();
        shell.WaitForExit();
        Assert.True(shell.ExitCode == 0, $"{script}: {errors}");
    }
}
