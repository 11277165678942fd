using System.Text.Json;
using Sluice.Formats;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>
/// The content of a login file: Docker's <c>config.json</c>, containers' <c>auth.json</c>, a Kubernetes <c>.dockerconfigjson</c>, or
/// a <c>.dockercfg</c>, which has the entries without <c>auths</c> around them.
/// Sources: Docker CLI configuration file, containers-auth.json(5), Kubernetes "pull an image from a private registry".
/// </summary>
internal sealed class LoginDocument
{
    private const int SizeLimit = 4 << 20;

    /// <summary>A younger file may be being written: it is read again before it counts as broken.</summary>
    private static readonly TimeSpan Young = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private const int Readings = 6;

    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    private readonly string _path;
    private readonly JsonElement _root;

    private LoginDocument(string path, JsonElement root) => (_path, _root) = (path, root);

    /// <summary>The program that has the logins for everything else; null if none is named.</summary>
    public string? Store => Text(_root, "credsStore") is { Length: > 0 } store ? store : null;

    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: names the file, and the line where it is broken.</exception>
    public static async Task<LoginDocument> ReadAsync(string path, CancellationToken cancellation)
    {
        for (int reading = 1; ; reading++)
        {
            try
            {
                if (new FileInfo(path).Length > SizeLimit) throw Broken(path, "is too large");
                byte[] content = await File.ReadAllBytesAsync(path, cancellation).ConfigureAwait(false);
                if (content.Length > 0 || !IsYoung(path) || reading == Readings) return new LoginDocument(path, Parse(path, content));
            }
            catch (JsonException error) when (!IsYoung(path) || reading == Readings)
            {
                throw Broken(path, $"is not JSON (line {error.LineNumber + 1})");
            }
            catch (JsonException)
            {
                // Once more.
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new SluiceException(SluiceError.Configuration, path, error.Message, inner: error);
            }

            await Task.Delay(Pause, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The program that has the login for a repository's registry; null if none is named.</summary>
    public string? ProgramFor(RepositoryName repository) =>
        Entries("credHelpers").Where(entry => RepositoryPattern.Parse(entry.Name).Matches(repository)).Select(entry => entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString() : null).FirstOrDefault();

    /// <summary>The logins that the file itself has for a repository, the most fitting first.</summary>
    public IEnumerable<RegistryCredential> LoginsFor(RepositoryName repository) =>
        from entry in _root.TryGetProperty("auths", out _) ? Entries("auths") : Entries(_root)
        let pattern = RepositoryPattern.Parse(entry.Name)
        where entry.Value.ValueKind == JsonValueKind.Object && pattern.Matches(repository)
        orderby pattern.Weight descending
        select ToLogin(entry) into login
        where !login.IsAnonymous
        select login;

    private static JsonElement Parse(string path, byte[] content)
    {
        JsonElement root = content.Length == 0 ? JsonElement.Parse("{}"u8) : JsonElement.Parse(content, Lenient);
        return root.ValueKind == JsonValueKind.Object ? root : throw Broken(path, "is not a JSON object");
    }

    private static bool IsYoung(string path) => DateTime.UtcNow - File.GetLastWriteTimeUtc(path) < Young;

    private IEnumerable<JsonProperty> Entries(string section) => _root.TryGetProperty(section, out JsonElement entries) ? Entries(entries) : [];

    private static IEnumerable<JsonProperty> Entries(JsonElement entries) => entries.ValueKind == JsonValueKind.Object ? entries.EnumerateObject() : [];

    private RegistryCredential ToLogin(JsonProperty entry)
    {
        Secret identity = new(Text(entry.Value, "identitytoken") ?? ""), registry = new(Text(entry.Value, "registrytoken") ?? "");
        RegistryCredential login = Text(entry.Value, "auth") is { Length: > 0 } auth
            ? RegistryCredential.FromBasic(auth) ?? throw Broken(_path, $"has a broken 'auth' for {Redaction.Clean(entry.Name)}")
            : new RegistryCredential(Text(entry.Value, "username") ?? "", new Secret(Text(entry.Value, "password") ?? ""));
        return new RegistryCredential(login.User, login.Password, identity, registry);
    }

    private static SluiceException Broken(string path, string what) => new(SluiceError.Configuration, path, what, "log in again, or remove the file");

    private static string? Text(JsonElement document, string name) =>
        document.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
