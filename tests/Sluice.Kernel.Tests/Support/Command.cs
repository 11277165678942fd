using System.Diagnostics;

namespace Sluice.Kernel.Tests.Support;

/// <summary>Runs a program: whoever serves a mount must leave touching it to others.</summary>
internal static class Command
{
    public sealed record Result(int ExitCode, byte[] Output, string Errors)
    {
        public string Text => System.Text.Encoding.UTF8.GetString(Output);
    }

    public static async Task<Result> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        start.Environment["LC_ALL"] = "C";
        using Process process = Process.Start(start)!;
        using var output = new MemoryStream();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        try
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            await process.StandardOutput.BaseStream.CopyToAsync(output, deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} hangs");
        }

        return new Result(process.ExitCode, output.ToArray(), await errors);
    }

    /// <summary>Runs a program that has to succeed; returns what it printed.</summary>
    public static async Task<byte[]> OutputAsync(string program, params string[] arguments)
    {
        Result result = await RunAsync(program, arguments);
        if (result.ExitCode != 0) Assert.Fail($"{program} {string.Join(' ', arguments)}: exit {result.ExitCode}: {result.Errors}");
        return result.Output;
    }

    /// <summary>Bytes of a file, read by <c>dd</c> with O_DIRECT off.</summary>
    public static Task<byte[]> ReadAsync(string path, long offset, long length, int block = 65536) =>
        OutputAsync("dd", $"if={path}", $"bs={block}", "iflag=skip_bytes,count_bytes", $"skip={offset}", $"count={length}", "status=none");

    public static async Task<string> Sha256Async(string path) => (await ShellAsync($"sha256sum < {path}")).Split(' ')[0];

    public static async Task<string> ShellAsync(string script) => System.Text.Encoding.UTF8.GetString(await OutputAsync("bash", "-c", script));
}
