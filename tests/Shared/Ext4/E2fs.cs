using System.Diagnostics;

namespace Sluice.Testing.Ext4;

/// <summary>e2fsprogs, whose code is its own, judges what we write; tests skip where it is not installed.</summary>
internal static class E2fs
{
    /// <summary>Fails unless e2fsck finds nothing at all to complain about.</summary>
    public static void AssertClean(string image)
    {
        (int exitCode, string output) = Run("e2fsck", "-fn", image);
        Assert.True(exitCode == 0, output);
    }

    /// <param name="features">As mke2fs takes them after <c>-O</c>; null: its own choice.</param>
    public static void Make(string image, long size, string? features, params string[] more)
    {
        using (FileStream file = File.Create(image)) file.SetLength(size);
        string[] options = features is null ? [] : ["-O", features];
        (int exitCode, string output) = Run("mke2fs", ["-q", "-F", "-t", "ext4", "-b", "4096", "-I", "256", .. options, .. more, image]);
        Assert.True(exitCode == 0, output);
    }

    public static string Debug(string image, string command, bool write = false)
    {
        string[] mode = write ? ["-w"] : [];
        (int exitCode, string output) = Run("debugfs", [.. mode, "-R", command, image]);
        Assert.True(exitCode == 0, output);
        return output;
    }

    /// <summary>Runs the commands of a file; fails if debugfs complains about one.</summary>
    public static void DebugScript(string image, string commands)
    {
        (int exitCode, string output) = Run("debugfs", "-w", "-f", commands, image);
        Assert.True(exitCode == 0 && output.Split('\n').All(line => line.Length == 0 || line.StartsWith("debugfs", StringComparison.Ordinal) || line.StartsWith("Allocated inode:", StringComparison.Ordinal)), output);
    }

    public static string Dump(string image) => Run("dumpe2fs", "-h", image).Output;

    private static (int ExitCode, string Output) Run(string tool, params string[] arguments)
    {
        string path = $"/usr/sbin/{tool}";
        if (!File.Exists(path)) Assert.Skip("e2fsprogs is not installed");
        var start = new ProcessStartInfo(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["LC_ALL"] = "C" } };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }
}
