using System.Text;
using System.Text.Json;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Registries;

/// <summary>
/// Logins as <c>docker login</c> and <c>skopeo login</c> keep them. Read anew for each token, so that a new login counts at
/// once. Sources: Docker CLI configuration file, containers-auth.json(5).
/// </summary>
internal sealed class LoginFile(SourceOptions options)
{
    private const string DockerHubKey = "https://index.docker.io/v1/";
    private const int SizeLimit = 4 << 20;

    /// <summary>The login for a host; null for none.</summary>
    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: file or credential program is broken.</exception>
    public async Task<RegistryCredential?> FindAsync(RegistryHost host, CancellationToken cancellation)
    {
        if (Locate() is not { } path) return null;
        JsonElement document = Read(path);
        if (document.ValueKind != JsonValueKind.Object) throw Broken(path, "is not a JSON object");
        string server = host.LoginName == "docker.io" ? DockerHubKey : host.LoginName;
        if (Keys(host).Select(key => Text(document, "credHelpers", key)).FirstOrDefault(name => name is not null) is { } helper)
        {
            return await CredentialProgram.GetAsync(helper, server, options.Time, cancellation).ConfigureAwait(false);
        }

        if (FromAuths(path, document, host) is { } login) return login;
        return Text(document, "credsStore") is { Length: > 0 } store
            ? await CredentialProgram.GetAsync(store, server, options.Time, cancellation).ConfigureAwait(false)
            : null;
    }

    private static IEnumerable<string> Keys(RegistryHost host) =>
        host.LoginName == "docker.io"
            ? ["docker.io", DockerHubKey, "index.docker.io", "registry-1.docker.io"]
            : [host.LoginName, $"{host.Api.Host}:{host.Api.Port}", $"https://{host.LoginName}", $"https://{host.LoginName}/", $"http://{host.LoginName}", $"https://{host.LoginName}/v2/", $"https://{host.LoginName}/v1/"];

    private static RegistryCredential? FromAuths(string path, JsonElement document, RegistryHost host)
    {
        if (!document.TryGetProperty("auths", out JsonElement auths) || auths.ValueKind != JsonValueKind.Object) return null;
        foreach (string key in Keys(host))
        {
            if (!auths.TryGetProperty(key, out JsonElement entry) || entry.ValueKind != JsonValueKind.Object) continue;
            string? identity = Text(entry, "identitytoken");
            string? registry = Text(entry, "registrytoken");
            (string user, string secret) = Decode(path, key, Text(entry, "auth")) ?? (Text(entry, "username") ?? "", Text(entry, "password") ?? "");
            if (user.Length > 0 || !string.IsNullOrEmpty(identity) || !string.IsNullOrEmpty(registry))
            {
                return new RegistryCredential(user, secret, string.IsNullOrEmpty(identity) ? null : identity, string.IsNullOrEmpty(registry) ? null : registry);
            }
        }

        return null;
    }

    private static (string User, string Secret)? Decode(string path, string key, string? auth)
    {
        if (string.IsNullOrEmpty(auth)) return null;
        try
        {
            string pair = Encoding.UTF8.GetString(Convert.FromBase64String(auth)).TrimEnd('\0');
            int colon = pair.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0) return (pair[..colon], pair[(colon + 1)..]);
        }
        catch (FormatException)
        {
            // Falls through: the text is a secret and is not shown.
        }

        throw Broken(path, $"has a broken 'auth' for {key}");
    }

    private static JsonElement Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > SizeLimit) throw Broken(path, "is too large");
            byte[] content = File.ReadAllBytes(path);
            return content.Length == 0 ? JsonElement.Parse("{}"u8) : JsonElement.Parse(content, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        }
        catch (JsonException error)
        {
            throw Broken(path, $"is not JSON (line {error.LineNumber + 1})");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Configuration, path, error.Message, inner: error);
        }
    }

    private static SluiceException Broken(string path, string what) => new(SluiceError.Configuration, path, what, "log in again, or remove the file");

    private static string? Text(JsonElement document, string name, string? inner = null)
    {
        if (document.ValueKind != JsonValueKind.Object || !document.TryGetProperty(name, out JsonElement value)) return null;
        if (inner is not null) return Text(value, inner);
        return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    private string? Locate()
    {
        if (options.AuthFile is not null) return options.AuthFile;
        string? home = Environment.GetEnvironmentVariable("HOME");
        string? docker = Environment.GetEnvironmentVariable("DOCKER_CONFIG");
        string?[] candidates =
        [
            Environment.GetEnvironmentVariable("REGISTRY_AUTH_FILE"),
            string.IsNullOrEmpty(docker) ? null : Path.Combine(docker, "config.json"),
            string.IsNullOrEmpty(home) ? null : Path.Combine(home, ".docker", "config.json"),
        ];
        return candidates.FirstOrDefault(path => !string.IsNullOrEmpty(path) && File.Exists(path));
    }
}
