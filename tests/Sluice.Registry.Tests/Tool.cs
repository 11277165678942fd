using System.Diagnostics;

namespace Sluice.Registry.Tests;

/// <summary>Real clients of the field.</summary>
internal static class Tool
{
    public static void Require(string name)
    {
        bool isHere = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Combine(directory, name)));
        if (!isHere) Assert.Skip($"{name} is not installed: apt-get install {name}");
    }

    /// <summary>Runs a tool that must succeed.</summary>
    /// <returns>What it wrote to standard output.</returns>
    public static async Task<string> RunAsync(string name, params string[] arguments)
    {
        (int exitCode, string output, string error) = await TryRunAsync(name, arguments);
        Assert.True(exitCode == 0, $"{name} {string.Join(' ', arguments)}: exit code {exitCode}\n{error}");
        return output;
    }

    public static async Task<(int ExitCode, string Output, string Error)> TryRunAsync(string name, params string[] arguments)
    {
        ProcessStartInfo start = new(name, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        try
        {
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }

        return (process.ExitCode, await output, await error);
    }
}
