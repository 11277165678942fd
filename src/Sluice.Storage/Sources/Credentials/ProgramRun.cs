using System.ComponentModel;
using System.Diagnostics;
using Sluice.Formats;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>One run of a program that is asked over standard input and answers on standard output. What it says there may be secret; standard error is thrown away.</summary>
internal static class ProgramRun
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(15);
    private const int OutputLimit = 1 << 20;

    /// <exception cref="RegistryFault">Can't be started, or did not end in 15 s; the latter may pass.</exception>
    public static async Task<(int Status, string Answer)> AskAsync(ProcessStartInfo start, string question, TimeProvider time, CancellationToken cancellation)
    {
        string name = Path.GetFileName(start.FileName);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.UseShellExecute = false;
        using CancellationTokenSource limit = new(TimeLimit, time);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        using Process process = new() { StartInfo = start };
        try
        {
            process.Start();
            Task<string> errors = ReadAsync(process.StandardError, both.Token);
            Task<string> output = ReadAsync(process.StandardOutput, both.Token);
            await WriteAsync(process.StandardInput, question).ConfigureAwait(false);
            string answer = await output.ConfigureAwait(false);
            await errors.ConfigureAwait(false);
            await process.WaitForExitAsync(both.Token).ConfigureAwait(false);
            return (process.ExitCode, answer);
        }
        catch (Win32Exception error)
        {
            throw Failed(name, "can't be started: is it installed?", mayPass: false, error);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw Failed(name, $"did not answer within {TimeLimit.TotalSeconds:0} s", mayPass: true);
        }
        finally
        {
            Kill(process);
        }
    }

    public static RegistryFault Failed(string program, string what, bool mayPass, Exception? inner = null) =>
        new(SluiceError.Configuration, $"credential program {program}", what, "see docs/credentials.md for who names it", transient: mayPass, inner: inner);

    private static async Task WriteAsync(StreamWriter input, string question)
    {
        try
        {
            await input.WriteAsync(question).ConfigureAwait(false);
            input.Close();
        }
        catch (IOException)
        {
            // The program ended without reading; its status tells why.
        }
    }

    /// <summary>Reads all, keeps at most <see cref="OutputLimit"/> characters.</summary>
    private static async Task<string> ReadAsync(StreamReader reader, CancellationToken cancellation)
    {
        System.Text.StringBuilder kept = new();
        char[] piece = new char[4096];
        while (await reader.ReadAsync(piece, cancellation).ConfigureAwait(false) is > 0 and int read)
        {
            // The rest is drained, so that the program can end.
            kept.Append(piece, 0, Math.Min(read, OutputLimit - kept.Length));
        }

        return kept.ToString();
    }

    private static void Kill(Process process)
    {
        try
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // Never started, or ended meanwhile.
        }
    }
}
