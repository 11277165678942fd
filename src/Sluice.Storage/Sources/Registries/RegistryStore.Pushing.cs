using System.Net;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources.Extra;

namespace Sluice.Storage.Sources.Registries;

/// <content>Writing of blobs.</content>
public sealed partial class RegistryStore
{
    public Task<IBlobUpload> StartUploadAsync(CancellationToken cancellation) => Task.FromResult<IBlobUpload>(new RegistryUpload(this, _options));

    public async Task CopyBlobAsync(IImageStore source, Descriptor blob, CancellationToken cancellation)
    {
        if (await HasBlobAsync(blob.Digest, cancellation).ConfigureAwait(false)) return;
        RegistryStore? registry = source as RegistryStore ?? (source as SupplementedStore)?.Registry;
        string? from = registry is { Host: var host, Repository: var repository } && host == Host && repository != Repository ? repository : null;
        await TryAsync(token => CopyOnceAsync(source, from, blob, token), cancellation).ConfigureAwait(false);
    }

    /// <summary>Begins an upload session.</summary>
    /// <param name="query">Empty, or <c>?mount=…&amp;from=…</c>.</param>
    /// <returns>The session's address; null if the registry had the blob to mount.</returns>
    internal async Task<Uri?> StartSessionAsync(string query, string scope, CancellationToken cancellation)
    {
        RegistryHost host = PushHost;
        using StallTimer timer = NewTimer(cancellation);
        Uri address = host.Address($"{Repository}/blobs/uploads/{query}");
        HttpRequestMessage Create() => new(HttpMethod.Post, address) { Content = new ByteArrayContent([]) };
        using HttpResponseMessage response = await ExpectAsync(host, scope, Create, $"upload to {Repository}", timer, HttpStatusCode.Accepted, HttpStatusCode.Created).ConfigureAwait(false);
        return response.StatusCode == HttpStatusCode.Created ? null : Session(host, response, address);
    }

    /// <summary>Starts a session at the first attempt that works.</summary>
    internal async Task<Uri> StartSessionAsync(CancellationToken cancellation) =>
        await TryAsync(token => StartSessionAsync("", PushScope, token), cancellation).ConfigureAwait(false)
        ?? throw new SluiceException(SluiceError.Source, Name, "answered an upload without session");

    /// <summary>Appends one piece, which starts at <paramref name="offset"/> of the blob.</summary>
    /// <returns>The session's next address.</returns>
    internal async Task<Uri> AppendAsync(Uri session, long offset, ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
        RegistryHost host = PushHost;
        using StallTimer timer = NewTimer(cancellation);
        HttpRequestMessage Create()
        {
            HttpRequestMessage request = new(HttpMethod.Patch, session) { Content = new ProgressContent(piece, timer) };

            // The distribution specification's form, which is not that of HTTP: no unit, no total.
            request.Content.Headers.TryAddWithoutValidation("Content-Range", $"{offset}-{offset + piece.Length - 1}");
            return request;
        }

        using HttpResponseMessage response = await ExpectSessionAsync(host, session, Create, timer, HttpStatusCode.Accepted, HttpStatusCode.NoContent).ConfigureAwait(false);
        return Session(host, response, session);
    }

    /// <summary>How far a session has got, and its next address.</summary>
    internal async Task<(Uri Session, long Offset)> AskAsync(Uri session, CancellationToken cancellation)
    {
        RegistryHost host = PushHost;
        using StallTimer timer = NewTimer(cancellation);
        using HttpResponseMessage response = await ExpectSessionAsync(host, session, () => new(HttpMethod.Get, session), timer, HttpStatusCode.NoContent, HttpStatusCode.Accepted).ConfigureAwait(false);
        string? range = Header(response, "Range");
        int dash = range?.LastIndexOf('-') ?? -1;
        if (dash < 0 || !long.TryParse(range.AsSpan(dash + 1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out long last))
        {
            throw new RegistryFault(SluiceError.Source, host.Name, "does not say how far the upload is");
        }

        // "0-0" is what registries say both for nothing and for one byte; an upload of one byte is never resumed.
        return (Session(host, response, session), last == 0 ? 0 : last + 1);
    }

    /// <summary>Ends a session with the last bytes, or all of them.</summary>
    internal async Task FinishAsync(Uri session, Digest digest, Func<StallTimer, HttpContent> content, bool repeatable, CancellationToken cancellation)
    {
        RegistryHost host = PushHost;
        using StallTimer timer = NewTimer(cancellation);
        Uri address = new(session.AbsoluteUri + (session.Query.Length > 0 ? "&" : "?") + "digest=" + Uri.EscapeDataString(digest.ToString()));
        using HttpResponseMessage response = await ExpectSessionAsync(
            host, address, () => new(HttpMethod.Put, address) { Content = content(timer) }, timer, repeatable, HttpStatusCode.Created, HttpStatusCode.NoContent, HttpStatusCode.OK, HttpStatusCode.Accepted).ConfigureAwait(false);
    }

    /// <summary>Ends a session that is not wanted; best effort.</summary>
    internal async Task AbandonAsync(Uri session)
    {
        try
        {
            using StallTimer timer = NewTimer(CancellationToken.None);
            using HttpResponseMessage response = await ExpectSessionAsync(PushHost, session, () => new(HttpMethod.Delete, session), timer, HttpStatusCode.NoContent).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SluiceException or OperationCanceledException)
        {
            // Registries clean up old sessions by themselves.
        }
    }

    private async Task<bool> CopyOnceAsync(IImageStore source, string? from, Descriptor blob, CancellationToken cancellation)
    {
        string query = from is null ? "" : $"?mount={Uri.EscapeDataString(blob.Digest.ToString())}&from={Uri.EscapeDataString(from)}";
        string scope = from is null ? PushScope : $"{PushScope} repository:{from}:pull";
        Uri? session = await StartSessionAsync(query, scope, cancellation).ConfigureAwait(false);
        if (session is null) return true;
        bool finished = false;
        try
        {
            await using Stream content = await source.OpenBlobAsync(blob, cancellation).ConfigureAwait(false);
            await FinishAsync(session, blob.Digest, timer => new ProgressContent(content, blob.Size, timer), repeatable: false, cancellation).ConfigureAwait(false);
            finished = true;
        }
        finally
        {
            if (!finished) await AbandonAsync(session).ConfigureAwait(false);
        }

        return true;
    }

    private Task<HttpResponseMessage> ExpectSessionAsync(RegistryHost host, Uri session, Func<HttpRequestMessage> create, StallTimer timer, params HttpStatusCode[] expected) =>
        ExpectSessionAsync(host, session, create, timer, repeatable: true, expected);

    /// <summary>A session may live on another host, which then sees no secrets.</summary>
    private async Task<HttpResponseMessage> ExpectSessionAsync(RegistryHost host, Uri session, Func<HttpRequestMessage> create, StallTimer timer, bool repeatable, params HttpStatusCode[] expected)
    {
        string what = $"upload to {Repository}";
        HttpResponseMessage response = host.Owns(session)
            ? await _requests.SendAsync(host, PushScope, create, what, timer, repeatable).ConfigureAwait(false)
            : await _requests.SendToAsync(host, session, PushScope, create, what, timer).ConfigureAwait(false);
        return await CheckAsync(host, response, what, timer, expected).ConfigureAwait(false);
    }

    private static Uri Session(RegistryHost host, HttpResponseMessage response, Uri before) =>
        response.Headers.Location is { } location
            ? new Uri(before, location)
            : throw new RegistryFault(SluiceError.Source, host.Name, "answered an upload without the session's address");
}
