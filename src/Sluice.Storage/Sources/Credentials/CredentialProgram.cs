using System.Text.Json;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>
/// Asks <c>docker-credential-NAME get</c>. The protocol has no expiry, so an answer is kept for five minutes; the programs
/// themselves hand out logins that live for hours. Source: docker-credential-helpers, "development".
/// </summary>
internal sealed class CredentialProgram(TimeProvider time)
{
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(5);

    private readonly RecentAnswers<RegistryCredential?> _recent = new(time);

    /// <summary>The login that the program knows for a server; null if it knows none.</summary>
    public async Task<RegistryCredential?> GetAsync(string name, string server, bool anew, CancellationToken cancellation)
    {
        string key = $"{name} {server}";
        if (_recent.TryGet(key, anew, out RegistryCredential? kept)) return kept;
        RegistryCredential? login;
        try
        {
            login = await AskAsync(name, server, cancellation).ConfigureAwait(false);
        }
        catch (SluiceException) when (_recent.TryGetOld(key, out kept) && kept is not null)
        {
            return kept;
        }

        _recent.Set(key, login, Life);
        return login;
    }

    private async Task<RegistryCredential?> AskAsync(string name, string server, CancellationToken cancellation)
    {
        string program = $"docker-credential-{name}";
        if (name.Length == 0 || name.AsSpan().ContainsAny("/\0 ")) throw ProgramRun.Failed(program, "is no name of a program", mayPass: false);
        (int status, string answer) = await ProgramRun.AskAsync(new(program, ["get"]), server, time, cancellation).ConfigureAwait(false);
        if (status == 0) return Parse(program, answer);
        return IsUnknown(answer) ? null : throw ProgramRun.Failed(program, $"ended with status {status}", mayPass: true);
    }

    private static bool IsUnknown(string answer) =>
        answer.Contains("credentials not found", StringComparison.OrdinalIgnoreCase) || answer.Contains("no credentials", StringComparison.OrdinalIgnoreCase);

    private static RegistryCredential? Parse(string program, string answer)
    {
        try
        {
            JsonElement document = JsonElement.Parse(answer);
            string user = document.GetProperty("Username").GetString() ?? "";
            Secret secret = new(document.GetProperty("Secret").GetString() ?? "");
            if (user.Length == 0 && secret.IsEmpty) return null;
            return user == "<token>" ? new RegistryCredential("", Secret.None, identityToken: secret) : new RegistryCredential(user, secret);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw ProgramRun.Failed(program, "answered with something that is no login", mayPass: false);
        }
    }
}
