using System.ComponentModel;
using System.Diagnostics;

namespace Sluice.Formats.Tests.Tar;

/// <summary>Runs the machine's own tools; skips the test where one is missing.</summary>
internal static class Tool
{
    public static string Run(string workingDirectory, string name, params string[] arguments)
    {
        (int exitCode, string output, string error) = TryRun(workingDirectory, name, arguments);
        Assert.True(exitCode == 0, $"{name} {string.Join(' ', arguments)} ended with {exitCode}: {error}");
        return output;
    }

    public static (int ExitCode, string Output, string Error) TryRun(string workingDirectory, string name, params string[] arguments)
    {
        var start = new ProcessStartInfo(name, arguments)
        {
            WorkingDirectory = workingDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["LC_ALL"] = "C.UTF-8", ["TZ"] = "UTC" },
        };
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, error.Result);
        }
        catch (Win32Exception)
        {
            Assert.Skip($"{name} is not on this machine");
            throw;
        }
    }
}
