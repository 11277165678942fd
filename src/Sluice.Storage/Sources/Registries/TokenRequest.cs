using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Sluice.Formats;
using Sluice.Storage.Sources.Credentials;

namespace Sluice.Storage.Sources.Registries;

/// <summary>
/// Gets one Bearer token: GET with Basic authentication, or POST where the login is an identity token.
/// Source: Docker registry token and OAuth2 authentication specifications.
/// </summary>
internal static class TokenRequest
{
    private const int AnswerLimit = 1 << 20;

    /// <summary>What the specification says for answers without <c>expires_in</c>.</summary>
    private static readonly TimeSpan ShortestLife = TimeSpan.FromSeconds(60);

    public static async Task<(Secret Token, DateTimeOffset Expires)> SendAsync(
        RegistryHost host, AuthChallenge challenge, IReadOnlyList<string> scopes, RegistryCredential login, SourceOptions options, RegistryConnections connections, CancellationToken cancellation)
    {
        Uri realm = CheckRealm(host, challenge, hasLogin: !login.IsAnonymous);
        using HttpRequestMessage request = !login.IdentityToken.IsEmpty ? Post(realm, challenge, scopes, login.IdentityToken) : Get(realm, challenge, scopes, login);
        request.Headers.TryAddWithoutValidation("User-Agent", RegistryRequests.UserAgent);
        TlsSettings tls = host.Owns(realm) ? host.Tls : host.Tls.ForOthers;
        DateTimeOffset sent = options.Time.GetUtcNow();
        using StallTimer timer = new(options.StallTimeout, options.Time, cancellation);
        try
        {
            using HttpResponseMessage response = await connections.For(realm, tls).SendAsync(request, timer.Token).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK) throw await RefusedAsync(host, response, login, options, timer.Token).ConfigureAwait(false);
            return Parse(host, await RegistryRequests.ReadBodyAsync(host, response, AnswerLimit, "token answer", timer.Token).ConfigureAwait(false), sent);
        }
        catch (OperationCanceledException) when (timer.Expired)
        {
            throw RegistryFaults.Stalled(host, $"token server {realm.Authority}", timer.Limit);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            throw RegistryFaults.FromException(host, error, $"token server {realm.Authority}");
        }
    }

    private static Uri CheckRealm(RegistryHost host, AuthChallenge challenge, bool hasLogin)
    {
        if (!Uri.TryCreate(challenge.Realm, UriKind.Absolute, out Uri? realm) || realm.Scheme is not ("https" or "http"))
        {
            throw new RegistryFault(SluiceError.Source, host.Name, "names a token server that is no http address");
        }

        if (hasLogin && realm.Scheme == "http" && host.Api.Scheme == "https")
        {
            throw new RegistryFault(SluiceError.Unauthorized, host.Name, $"wants the login to be sent to {realm.Authority} over plain http: refused");
        }

        return realm;
    }

    private static HttpRequestMessage Get(Uri realm, AuthChallenge challenge, IReadOnlyList<string> scopes, RegistryCredential login)
    {
        List<string> query = [];
        if (challenge.Service is { } service) query.Add("service=" + Uri.EscapeDataString(service));
        query.AddRange(scopes.Select(scope => "scope=" + Uri.EscapeDataString(scope)));
        if (!login.IsAnonymous) query.Add("account=" + Uri.EscapeDataString(login.User));
        UriBuilder address = new(realm);
        address.Query = string.Join('&', new[] { address.Query.TrimStart('?') }.Concat(query).Where(part => part.Length > 0));
        HttpRequestMessage request = new(HttpMethod.Get, address.Uri);
        if (!login.IsAnonymous) request.Headers.Authorization = new AuthenticationHeaderValue("Basic", login.BasicParameter);
        return request;
    }

    private static HttpRequestMessage Post(Uri realm, AuthChallenge challenge, IReadOnlyList<string> scopes, Secret identityToken) => new(HttpMethod.Post, realm)
    {
        Content = new FormUrlEncodedContent(
        [
            new("grant_type", "refresh_token"),
            new("service", challenge.Service ?? ""),
            new("scope", string.Join(' ', scopes)),
            new("client_id", "sluice"),
            new("refresh_token", identityToken.Reveal()),
        ]),
    };

    private static async Task<RegistryFault> RefusedAsync(RegistryHost host, HttpResponseMessage response, RegistryCredential login, SourceOptions options, CancellationToken cancellation)
    {
        RegistryFault fault = await RegistryFaults.FromResponseAsync(host, response, "token", options.Time, cancellation).ConfigureAwait(false);
        if (fault.Transient || response.StatusCode is not (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.BadRequest)) return fault;
        string who = login.IsAnonymous ? "anonymous access" : "the login";
        return new RegistryFault(SluiceError.Unauthorized, host.Name, $"{who} was refused by its token server", fault.Hint ?? $"log in again with 'skopeo login {host.LoginName}'") { Status = response.StatusCode };
    }

    private static (Secret Token, DateTimeOffset Expires) Parse(RegistryHost host, ReadOnlySpan<byte> answer, DateTimeOffset sent)
    {
        try
        {
            JsonElement document = JsonElement.Parse(answer);
            string? token = Text(document, "token") ?? Text(document, "access_token");
            if (!string.IsNullOrEmpty(token) && !token.AsSpan().ContainsAnyExceptInRange('!', '~'))
            {
                double seconds = document.TryGetProperty("expires_in", out JsonElement life) && life.ValueKind == JsonValueKind.Number ? life.GetDouble() : 0;
                TimeSpan lasts = seconds > 0 ? TimeSpan.FromSeconds(Math.Min(seconds, 86_400)) : ShortestLife;

                // A tenth less, so that a token does not expire on the way. The registry's clock does not matter: 401 renews.
                return (new Secret(token), sent + (lasts * 0.9));
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // Falls through: the answer may hold secrets and is not shown.
        }

        throw new RegistryFault(SluiceError.Source, host.Name, "its token server answered without a token");
    }

    private static string? Text(JsonElement document, string name) =>
        document.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
