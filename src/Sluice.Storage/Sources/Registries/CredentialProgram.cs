using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Registries;

/// <summary>Runs <c>docker-credential-NAME get</c>. Source: docker-credential-helpers, "development".</summary>
internal static class CredentialProgram
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(15);
    private const int OutputLimit = 64 << 10;

    /// <summary>The login that the program knows for a server; null if it knows none.</summary>
    public static async Task<RegistryCredential?> GetAsync(string name, string server, TimeProvider time, CancellationToken cancellation)
    {
        string program = $"docker-credential-{name}";
        if (name.Length == 0 || name.AsSpan().ContainsAny("/\0 ")) throw Failed(program, "is no name of a program");
        using CancellationTokenSource limit = new(TimeLimit, time);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        using Process process = new()
        {
            StartInfo = new ProcessStartInfo(program, ["get"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false },
        };
        try
        {
            process.Start();
            Task<string> errors = ReadAsync(process.StandardError, both.Token);
            Task<string> output = ReadAsync(process.StandardOutput, both.Token);
            await WriteAsync(process.StandardInput, server).ConfigureAwait(false);
            string answer = await output.ConfigureAwait(false);
            await errors.ConfigureAwait(false);
            await process.WaitForExitAsync(both.Token).ConfigureAwait(false);
            if (process.ExitCode == 0) return Parse(program, answer);
            return IsUnknown(answer) ? null : throw Failed(program, $"ended with status {process.ExitCode}");
        }
        catch (Win32Exception error)
        {
            throw Failed(program, "can't be started: is it installed?", error);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw Failed(program, $"did not answer within {TimeLimit.TotalSeconds:0} s");
        }
        finally
        {
            Kill(process);
        }
    }

    private static async Task WriteAsync(StreamWriter input, string server)
    {
        try
        {
            await input.WriteAsync(server).ConfigureAwait(false);
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
        char[] buffer = new char[OutputLimit];
        int length = await reader.ReadBlockAsync(buffer, cancellation).ConfigureAwait(false);
        char[] rest = new char[4096];
        while (length == OutputLimit && await reader.ReadAsync(rest, cancellation).ConfigureAwait(false) > 0)
        {
            // Drained, so that the program can end.
        }

        return new string(buffer, 0, length);
    }

    private static bool IsUnknown(string answer) =>
        answer.Contains("credentials not found", StringComparison.OrdinalIgnoreCase) || answer.Contains("no credentials", StringComparison.OrdinalIgnoreCase);

    private static RegistryCredential? Parse(string program, string answer)
    {
        try
        {
            JsonElement document = JsonElement.Parse(answer);
            string user = document.GetProperty("Username").GetString() ?? "";
            string secret = document.GetProperty("Secret").GetString() ?? "";
            if (user.Length == 0 && secret.Length == 0) return null;
            return user == "<token>" ? new RegistryCredential("", "", identityToken: secret) : new RegistryCredential(user, secret);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw Failed(program, "answered with something that is no login");
        }
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

    private static SluiceException Failed(string program, string what, Exception? inner = null) =>
        new(SluiceError.Configuration, program, what, "it is named by credHelpers or credsStore of the login file", inner);
}
