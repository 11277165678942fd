using System.Diagnostics;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Cache;

/// <summary>A small file system over a loop device, and directories in memory.</summary>
internal sealed class LoopFileSystem : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    /// <param name="backing">Where the file behind it lies; null: beside the mount.</param>
    public LoopFileSystem(string type, string size, string options = "", string? backing = null, string mountOptions = "loop")
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("mounting needs root");
        Path = Directory.CreateDirectory(_directory.File("mount")).FullName;
        string file = System.IO.Path.Combine(backing ?? _directory.Path, "file");
        Run($"set -e; truncate -s {size} {file}; mkfs.{type} -q {options} {file}; mount -o {mountOptions} {file} {Path}");
    }

    public string Path { get; }

    /// <summary>A directory in memory: no sync is slow there.</summary>
    public static string Memory() => Directory.CreateDirectory($"/dev/shm/sluice-test-{Guid.NewGuid():n}").FullName;

    public static void Run(string script)
    {
        using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script]) { RedirectStandardError = true })!;
        string error = shell.StandardError.ReadToEnd();
        shell.WaitForExit();
        Assert.True(shell.ExitCode == 0, $"{script}: {error}");
    }

    public void Dispose()
    {
        Run($"umount -l {Path} || true");
        _directory.Dispose();
    }
}
