using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Registries;

/// <content>Manifests and tags.</content>
public sealed partial class RegistryStore
{
    private const int TagPageLimit = 10_000;
    private const int TagListLimit = 16 << 20;

    private static readonly string[] ManifestTypes = [MediaTypes.OciManifest, MediaTypes.OciIndex, MediaTypes.DockerManifest, MediaTypes.DockerManifestList];

    public Task<StoredManifest> GetManifestAsync(string tagOrDigest, CancellationToken cancellation)
    {
        Digest? digest = Digest.TryParse(tagOrDigest, out Digest parsed) ? parsed : null;
        if (tagOrDigest.Length == 0) throw new SluiceException(SluiceError.Usage, Name, "an image of a registry needs a tag or digest");
        HostCapabilities needed = digest is null ? HostCapabilities.Pull | HostCapabilities.Resolve : HostCapabilities.Pull;
        return TryHostsAsync(needed, (host, _, token) => GetManifestAsync(host, tagOrDigest, digest, token), cancellation);
    }

    public async Task PutManifestAsync(StoredManifest manifest, string? tag, CancellationToken cancellation)
    {
        string name = string.IsNullOrEmpty(tag) ? manifest.Digest.ToString() : tag;
        bool listed = await TryAsync(token => PutAsync(manifest, name, token), cancellation).ConfigureAwait(false);
        if (!listed && Referrers.Describe(manifest) is (Digest subject, Descriptor referrer)) await AddReferrerAsync(subject, referrer, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> ListTagsAsync(CancellationToken cancellation)
    {
        List<string> tags = [];
        string? next = $"{Repository}/tags/list?n=1000";
        for (int page = 0; next is not null && page < TagPageLimit; page++)
        {
            string path = next;
            (IReadOnlyList<string> some, next) = await TryHostsAsync(HostCapabilities.Resolve, (host, _, token) => ListTagsAsync(host, path, token), cancellation).ConfigureAwait(false);
            tags.AddRange(some);
        }

        return tags;
    }

    private async Task<StoredManifest> GetManifestAsync(RegistryHost host, string tagOrDigest, Digest? digest, CancellationToken cancellation)
    {
        string what = $"manifest {Repository}{(digest is null ? ":" : "@")}{tagOrDigest}";
        HttpRequestMessage Create()
        {
            HttpRequestMessage request = new(HttpMethod.Get, host.Address($"{Repository}/manifests/{tagOrDigest}"));
            foreach (string type in ManifestTypes) request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("*/*", 0.1));
            return request;
        }

        (HttpResponseMessage response, byte[] content) = await ReadAsync(host, Create, what, OciLimits.Manifest, cancellation).ConfigureAwait(false);
        using (response)
        {
            Digest actual = Hash(digest, content);
            if (digest is not null && actual != digest) throw new RegistryFault(SluiceError.Source, host.Name, $"{what} has other content than its digest says", transient: true);
            if (digest is null && Header(response, "Docker-Content-Digest") is { } says && Digest.TryParse(says, out Digest named) && Hash(named, content) != named)
            {
                throw new RegistryFault(SluiceError.Source, host.Name, $"{what} has other content than the digest that came with it", transient: true);
            }

            string? type = response.Content.Headers.ContentType?.MediaType;
            bool isKnown = type is not null && (MediaTypes.IsIndex(type) || MediaTypes.IsManifest(type));
            return new StoredManifest(isKnown ? type! : MediaTypes.OfManifest(content), actual, content);
        }
    }

    /// <summary>Follows redirects, expects 200 and reads the body.</summary>
    private async Task<(HttpResponseMessage Response, byte[] Content)> ReadAsync(RegistryHost host, Func<HttpRequestMessage> create, string what, int limit, CancellationToken cancellation)
    {
        using StallTimer timer = NewTimer(cancellation);
        try
        {
            HttpResponseMessage response = await _requests.SendFollowingAsync(host, PullScope, create, what, timer).ConfigureAwait(false);
            await CheckAsync(host, response, what, timer, HttpStatusCode.OK).ConfigureAwait(false);
            try
            {
                return (response, await RegistryRequests.ReadBodyAsync(host, response, limit, what, timer.Token).ConfigureAwait(false));
            }
            catch
            {
                response.Dispose();
                throw;
            }
        }
        catch (OperationCanceledException) when (timer.Expired)
        {
            throw RegistryFaults.Stalled(host, what, timer.Limit);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            throw RegistryFaults.FromException(host, error, what);
        }
    }

    /// <returns>True if the registry itself lists the manifest among the referrers of its subject.</returns>
    private async Task<bool> PutAsync(StoredManifest manifest, string tagOrDigest, CancellationToken cancellation)
    {
        RegistryHost host = PushHost;
        using StallTimer timer = NewTimer(cancellation);
        HttpRequestMessage Create()
        {
            HttpRequestMessage request = new(HttpMethod.Put, host.Address($"{Repository}/manifests/{tagOrDigest}")) { Content = new ReadOnlyMemoryContent(manifest.Content) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(manifest.MediaType);
            return request;
        }

        using HttpResponseMessage response = await ExpectAsync(
            host, PushScope, Create, $"manifest {Repository} {tagOrDigest}", timer, HttpStatusCode.Created, HttpStatusCode.OK, HttpStatusCode.Accepted, HttpStatusCode.NoContent).ConfigureAwait(false);
        return Header(response, "OCI-Subject") is not null;
    }

    private async Task<(IReadOnlyList<string> Tags, string? Next)> ListTagsAsync(RegistryHost host, string path, CancellationToken cancellation)
    {
        string what = $"tags of {Repository}";
        (HttpResponseMessage response, byte[] content) = await ReadAsync(host, () => new(HttpMethod.Get, host.Address(path)), what, TagListLimit, cancellation).ConfigureAwait(false);
        using (response)
        {
            try
            {
                JsonElement document = JsonElement.Parse(content);
                if (!document.TryGetProperty("tags", out JsonElement tags) || tags.ValueKind == JsonValueKind.Null) return ([], null);
                return ([.. tags.EnumerateArray().Select(tag => tag.GetString() ?? "").Where(tag => tag.Length > 0)], NextPage(response, $"{Repository}/tags/list"));
            }
            catch (Exception error) when (error is JsonException or InvalidOperationException)
            {
                throw new RegistryFault(SluiceError.Source, host.Name, $"{what}: the list can't be read", inner: error);
            }
        }
    }

    /// <summary>The query of the next page from <c>Link: &lt;…?n=…&amp;last=…&gt;; rel="next"</c>, put to our own path; null on the last page.</summary>
    private static string? NextPage(HttpResponseMessage response, string path)
    {
        if (Header(response, "Link") is not { } link || !link.Contains("rel=\"next\"", StringComparison.Ordinal)) return null;
        int question = link.IndexOf('?', StringComparison.Ordinal), end = link.IndexOf('>', StringComparison.Ordinal);
        return question > 0 && end > question ? path + link[question..end] : null;
    }

    private static Digest Hash(Digest? likeness, ReadOnlySpan<byte> content)
    {
        if (likeness?.Algorithm == "sha512") return Digest.Parse("sha512:" + Convert.ToHexStringLower(System.Security.Cryptography.SHA512.HashData(content)));
        return Digest.Sha256(content);
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.NonValidated.TryGetValues(name, out HeaderStringValues values) ? values.ToString() : null;
}
