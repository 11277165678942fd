using System.Net;
using System.Net.Http.Headers;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Registries;

/// <summary>
/// Sends requests to one host: with its headers and token, renewed when it is refused, and follows redirects by hand,
/// so that no secret reaches another host.
/// </summary>
internal sealed class RegistryRequests(RegistryConnections connections)
{
    public const string UserAgent = "sluice/0.1";

    private const int RedirectLimit = 5;

    /// <summary>Sends one request; answers with status 401 or 403 come back only if no new token and no other login did help.</summary>
    /// <param name="create">Makes the request; called again after a new token, if <paramref name="repeatable"/>.</param>
    public async Task<HttpResponseMessage> SendAsync(
        RegistryHost host, string scope, Func<HttpRequestMessage> create, string what, StallTimer timer, bool repeatable = true)
    {
        timer.Restart(times: 2); // a token server that is silent is named as such before the registry would be
        AuthenticationHeaderValue? header = await connections.Authorizer.GetAsync(host, scope, timer.Token).ConfigureAwait(false);
        LoginRefusals? refusals = null;
        while (true)
        {
            timer.Restart();
            HttpResponseMessage response = await SendOnceAsync(host, create(), header, what, timer).ConfigureAwait(false);
            if (response.StatusCode is not (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)) return response;
            if (response.StatusCode == HttpStatusCode.Forbidden && header is null) return response;
            AuthenticationHeaderValue? renewed;
            try
            {
                timer.Restart(times: 2);
                renewed = await connections.Authorizer.RenewAsync(host, scope, response, header, refusals ??= new LoginRefusals(), timer.Token).ConfigureAwait(false);
            }
            catch
            {
                response.Dispose();
                throw;
            }

            if (renewed is null) return response;
            response.Dispose();
            if (!repeatable) throw new RegistryFault(SluiceError.Unauthorized, host.Name, $"{what}: the token ran out", transient: true);
            header = renewed;
        }
    }

    /// <summary>Sends a GET or HEAD and follows redirects. <paramref name="moved"/> hears the last address if there was one.</summary>
    public async Task<HttpResponseMessage> SendFollowingAsync(
        RegistryHost host, string scope, Func<HttpRequestMessage> create, string what, StallTimer timer, Action<Uri>? moved = null)
    {
        HttpResponseMessage response = await SendAsync(host, scope, create, what, timer).ConfigureAwait(false);
        Uri address;
        using (HttpRequestMessage first = create()) address = first.RequestUri!;
        for (int hops = 0; IsRedirect(response); hops++)
        {
            Uri? target = response.Headers.Location;
            if (target is null || hops == RedirectLimit)
            {
                response.Dispose();
                throw new RegistryFault(SluiceError.Source, host.Name, target is null ? $"{what}: redirect without address" : $"{what}: more than {RedirectLimit} redirects");
            }

            address = new Uri(address, target);
            response.Dispose();
            timer.Restart();
            response = await SendToAsync(host, address, scope, create, what, timer).ConfigureAwait(false);
            if (!IsRedirect(response)) moved?.Invoke(address);
        }

        return response;
    }

    /// <summary>Sends what <paramref name="create"/> makes to another address, which sees the host's secrets only if it is the host itself.</summary>
    public async Task<HttpResponseMessage> SendToAsync(RegistryHost host, Uri address, string scope, Func<HttpRequestMessage> create, string what, StallTimer timer)
    {
        if (address.Scheme is not ("https" or "http") || (address.Scheme == "http" && host.Api.Scheme == "https"))
        {
            throw new RegistryFault(SluiceError.Source, host.Name, $"{what}: redirect from https to {address.Scheme}://{address.Authority} refused");
        }

        HttpRequestMessage Moved()
        {
            HttpRequestMessage request = create();
            request.RequestUri = address;
            return request;
        }

        return host.Owns(address)
            ? await SendAsync(host, scope, Moved, what, timer).ConfigureAwait(false)
            : await SendOnceAsync(host, Moved(), null, what, timer).ConfigureAwait(false);
    }

    /// <summary>Reads a whole body into memory.</summary>
    public static async Task<byte[]> ReadBodyAsync(RegistryHost host, HttpResponseMessage response, int limit, string what, CancellationToken cancellation)
    {
        if (response.Content.Headers.ContentLength > limit) throw TooLarge();
        await using Stream body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        byte[] buffer = new byte[Math.Min(response.Content.Headers.ContentLength ?? 16 << 10, limit) + 1];
        int length = 0;
        while (true)
        {
            int read = await body.ReadAsync(buffer.AsMemory(length), cancellation).ConfigureAwait(false);
            length += read;
            if (length > limit) throw TooLarge();
            if (read == 0) return buffer.AsSpan(0, length).ToArray();
            if (length == buffer.Length) Array.Resize(ref buffer, Math.Min(buffer.Length * 2, limit + 1));
        }

        RegistryFault TooLarge() => new(SluiceError.Source, host.Name, $"{what} has more than the allowed {limit} bytes");
    }

    private static bool IsRedirect(HttpResponseMessage response) => (int)response.StatusCode is 301 or 302 or 303 or 307 or 308;

    private async Task<HttpResponseMessage> SendOnceAsync(RegistryHost host, HttpRequestMessage request, AuthenticationHeaderValue? header, string what, StallTimer timer)
    {
        Uri? address = request.RequestUri;
        using (request)
        {
            request.Version = HttpVersion.Version11;
            request.Headers.TryAddWithoutValidation("User-Agent", UserAgent);

            // A proxy on the way must not compress: ranges count bytes of what is stored.
            request.Headers.TryAddWithoutValidation("Accept-Encoding", "identity");
            TlsSettings tls = host.Tls.ForOthers;
            if (!host.Owns(request.RequestUri!))
            {
                what = $"{what} at {request.RequestUri!.Authority}";
            }
            else
            {
                tls = host.Tls;
                request.Headers.Authorization = header;
                foreach ((string name, string value) in host.Headers) request.Headers.TryAddWithoutValidation(name, value);
            }

            try
            {
                HttpMessageInvoker pool = connections.For(request.RequestUri!, tls);
                HttpResponseMessage response = await pool.SendAsync(request, timer.Token).ConfigureAwait(false);
                timer.Restart();
                return response;
            }
            catch (OperationCanceledException) when (timer.Expired)
            {
                throw RegistryFaults.Stalled(host, what, timer.Limit);
            }
            catch (Exception error) when (error is HttpRequestException or IOException)
            {
                for (Exception? cause = error; cause is not null; cause = cause.InnerException)
                {
                    if (cause is SluiceException ours) throw ours;
                }

                throw RegistryFaults.FromException(host, error, what, address is null ? null : connections.ProxyOf(address));
            }
        }
    }
}
