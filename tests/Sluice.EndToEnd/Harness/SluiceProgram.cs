using System.Diagnostics;

namespace Sluice.EndToEnd.Harness;

/// <summary>The executable <c>sluice</c>, published beside the tests.</summary>
internal static class SluiceProgram
{
    public static readonly string Path = System.IO.Path.Combine(AppContext.BaseDirectory, "program", "sluice");

    public static Task<SluiceResult> RunAsync(params string[] arguments) => RunAsync(null, arguments);

    public static async Task<SluiceResult> RunAsync(IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        using Process process = Start(arguments, environment);
        try
        {
            process.StandardInput.Close();
            Task<string> output = process.StandardOutput.ReadToEndAsync(TestMachine.Cancellation);
            Task<string> error = process.StandardError.ReadToEndAsync(TestMachine.Cancellation);
            await process.WaitForExitAsync(TestMachine.Cancellation);
            return new SluiceResult(process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>Starts it with all streams redirected.</summary>
    public static Process Start(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new(Path, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
