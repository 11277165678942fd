using System.Diagnostics;

namespace Sluice.EndToEnd.Faults;

/// <summary>What a program printed and how it ended.</summary>
internal sealed record ChildProcess(int ExitCode, string Output, string Errors, TimeSpan Took)
{
    /// <summary>So long nothing takes: whoever gets here hangs.</summary>
    public static readonly TimeSpan HangLimit = TimeSpan.FromSeconds(120);

    public static async Task<ChildProcess> RunAsync(string program, params string[] arguments)
    {
        long started = Stopwatch.GetTimestamp();
        using Process process = Start(program, arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        using CancellationTokenSource limit = new(HangLimit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            Assert.Fail($"{program} {string.Join(' ', arguments)} hangs");
        }

        return new ChildProcess(process.ExitCode, await output, await errors, Stopwatch.GetElapsedTime(started));
    }

    public static Process Start(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["LC_ALL"] = "C" } };
        return Process.Start(start)!;
    }
}
