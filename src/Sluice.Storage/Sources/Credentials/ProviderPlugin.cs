using System.Text.Json;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>
/// Asks a credential provider plugin as the kubelet does: a <c>CredentialProviderRequest</c> on standard input, a
/// <c>CredentialProviderResponse</c> on standard output, kept under the key and for the time that it says.
/// Source: Kubernetes, credentialprovider.kubelet.k8s.io/v1.
/// </summary>
internal sealed class ProviderPlugin(CredentialProvider provider, TimeProvider time) : ICredentialSource
{
    private readonly RepositoryPattern[] _images = [.. provider.MatchImages.Select(RepositoryPattern.Parse)];
    private readonly RecentAnswers<IReadOnlyList<(RepositoryPattern For, RegistryCredential Login)>> _recent = new(time);
    private readonly string _name = Path.GetFileName(provider.Program);

    public async Task<IReadOnlyList<RegistryCredential>> FindAsync(RepositoryName repository, bool anew, CancellationToken cancellation)
    {
        if (!_images.Any(image => image.Matches(repository))) return [];
        if (Keys(repository).Select(key => _recent.TryGet(key, anew, out var kept) ? kept : null).FirstOrDefault(kept => kept is not null) is { } recent) return Choose(recent, repository);
        try
        {
            return Choose(await AskAsync(repository, cancellation).ConfigureAwait(false), repository);
        }
        catch (SluiceException) when (Keys(repository).Select(key => _recent.TryGetOld(key, out var kept) ? kept : null).FirstOrDefault(kept => kept is { Count: > 0 }) is { } old)
        {
            return Choose(old, repository);
        }
    }

    private static IReadOnlyList<RegistryCredential> Choose(IReadOnlyList<(RepositoryPattern For, RegistryCredential Login)> answer, RepositoryName repository) =>
        [.. answer.Where(login => login.For.Matches(repository)).OrderByDescending(login => login.For.Weight).Select(login => login.Login)];

    /// <summary>The keys under which an answer for a repository may be kept: prefixed, so that none looks like another.</summary>
    private static string Key(string type, RepositoryName repository) => type switch
    {
        "Image" => $"image {repository}",
        "Registry" => $"registry {repository.Host}",
        _ => "global",
    };

    private static IEnumerable<string> Keys(RepositoryName repository) => [Key("Image", repository), Key("Registry", repository), Key("Global", repository)];

    private async Task<IReadOnlyList<(RepositoryPattern For, RegistryCredential Login)>> AskAsync(RepositoryName repository, CancellationToken cancellation)
    {
        System.Diagnostics.ProcessStartInfo start = new(provider.Program, provider.Arguments);
        foreach ((string name, string value) in provider.Environment) start.Environment[name] = value;
        string question = $$"""{"kind":"CredentialProviderRequest","apiVersion":"{{provider.ApiVersion}}","image":"{{JsonEncodedText.Encode(repository.ToString())}}"}""";
        (int status, string answer) = await ProgramRun.AskAsync(start, question, time, cancellation).ConfigureAwait(false);
        if (status != 0) throw ProgramRun.Failed(_name, $"ended with status {status}", mayPass: true);
        try
        {
            JsonElement response = JsonElement.Parse(answer);
            if (response.GetProperty("kind").GetString() != "CredentialProviderResponse") throw NoResponse();
            if (response.GetProperty("apiVersion").GetString() != provider.ApiVersion) throw ProgramRun.Failed(_name, $"answered in another version than {provider.ApiVersion}", mayPass: false);
            string type = response.GetProperty("cacheKeyType").GetString() ?? "";
            if (type is not ("Image" or "Registry" or "Global")) throw ProgramRun.Failed(_name, "answered with a cacheKeyType that is none of Image, Registry, Global", mayPass: false);
            List<(RepositoryPattern, RegistryCredential)> logins = [];
            if (response.TryGetProperty("auth", out JsonElement auth) && auth.ValueKind == JsonValueKind.Object) logins.AddRange(auth.EnumerateObject().Select(ToLogin));
            TimeSpan life = response.TryGetProperty("cacheDuration", out JsonElement duration) && duration.ValueKind == JsonValueKind.String
                ? GoDuration.Parse(duration.GetString()!) ?? throw NoResponse()
                : provider.DefaultCacheDuration;
            _recent.Set(Key(type, repository), logins, life);
            return logins;
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw NoResponse();
        }
    }

    private static (RepositoryPattern For, RegistryCredential Login) ToLogin(JsonProperty entry) =>
        (RepositoryPattern.Parse(entry.Name), new RegistryCredential(entry.Value.GetProperty("username").GetString() ?? "", new Secret(entry.Value.GetProperty("password").GetString() ?? "")));

    private SluiceException NoResponse() => ProgramRun.Failed(_name, "answered with something that is no CredentialProviderResponse", mayPass: false);
}
