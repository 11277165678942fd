using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources.Places;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Storage.Sources.Extra;

/// <summary>Blobs as objects behind plain GET requests with ranges: of a web server, or of a bucket with signed requests. One attempt a read: who reads knows others.</summary>
/// <param name="signer">Null: requests are not signed.</param>
internal sealed partial class ObjectSource(ExtraSourceOptions options, S3Signer? signer, SourceOptions sources, RegistryConnections connections) : IBlobSource
{
    private const int MessageLimit = 4 << 10;

    private readonly TlsSettings _tls = new(options.Authorities ?? "");
    private readonly SourcePlace _place = connections.Places.Get(options.Name);

    public string Name => _place.Name;

    public SourcePlace Place => _place;

    public async Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        string what = $"blob {blob}";
        using StallTimer timer = new(sources.StallTimeout, sources.Time, cancellation);
        try
        {
            using HttpRequestMessage request = Request(blob, offset, destination.Length);
            using HttpResponseMessage response = await connections.For(request.RequestUri!, _tls).SendAsync(request, timer.Token).ConfigureAwait(false);
            timer.Restart();
            if (response.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.PartialContent)) throw await RefusedAsync(response, what, timer.Token).ConfigureAwait(false);
            CheckRange(response, what, offset, destination.Length);
            await using Stream body = await response.Content.ReadAsStreamAsync(timer.Token).ConfigureAwait(false);
            while (!destination.IsEmpty)
            {
                int read = await body.ReadAsync(destination, timer.Token).ConfigureAwait(false);
                if (read == 0) throw new RegistryFault(SluiceError.Source, Name, $"{what} breaks off {destination.Length} bytes early", transient: true);
                timer.Advance(read);
                destination = destination[read..];
            }
        }
        catch (OperationCanceledException) when (timer.Expired)
        {
            throw new RegistryFault(SluiceError.Timeout, Name, $"{what}: nothing came for {timer.Limit.TotalSeconds:0.#} s", transient: true);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            throw RegistryFaults.FromException(Name, options.Address!.Scheme, error, what, connections.ProxyOf(options.Address));
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private HttpRequestMessage Request(Digest blob, long offset, int length)
    {
        Uri address = options.Address!;
        string name = ObjectName.Escape(options.Prefix + ObjectName.Of(options.Object, blob));
        string path = address.AbsolutePath.TrimEnd('/');
        string authority = address.Authority;
        if (signer is not null && options.PathStyle) path += "/" + Uri.EscapeDataString(options.Bucket);
        if (signer is not null && !options.PathStyle) authority = $"{options.Bucket}.{authority}";
        path += "/" + name;
        HttpRequestMessage request = new(HttpMethod.Get, new Uri($"{address.Scheme}://{authority}{path}")) { Version = HttpVersion.Version11 };
        request.Headers.Range = new RangeHeaderValue(offset, offset + length - 1);
        request.Headers.TryAddWithoutValidation("User-Agent", RegistryRequests.UserAgent);
        request.Headers.TryAddWithoutValidation("Accept-Encoding", "identity");
        signer?.Sign(request, path, request.Headers.Range.ToString());
        return request;
    }

    private void CheckRange(HttpResponseMessage response, string what, long offset, int length)
    {
        if (response.Content.Headers.ContentEncoding.Count > 0) throw Wrong("arrives with a content encoding", null);
        if (response.StatusCode == HttpStatusCode.OK)
        {
            if (offset > 0) throw Wrong("can't be read in part", "let the server answer ranges");
            if (response.Content.Headers.ContentLength < length) throw Short();
            return;
        }

        if (response.Content.Headers.ContentRange is not { HasRange: true, Unit: "bytes" } range || range.From != offset) throw Wrong("arrives as another range than asked for", null);
        if (range.To < offset + length - 1) throw Short();

        RegistryFault Short() => Wrong("ends before the wanted range", "copy it there again");
        RegistryFault Wrong(string problem, string? hint) => new(SluiceError.Source, Name, $"{what} {problem}", hint);
    }

    private async Task<RegistryFault> RefusedAsync(HttpResponseMessage response, string what, CancellationToken cancellation)
    {
        int status = (int)response.StatusCode;
        string code = await ReadCodeAsync(response, cancellation).ConfigureAwait(false);
        string says = code.Length == 0 ? "" : $" ({code})";
        TimeSpan? pause = RegistryFaults.RetryAfter(response, sources.Time) ?? (status == 429 || code == "SlowDown" ? TimeSpan.FromSeconds(1) : null);
        if (status is 429 or 503 && pause is { } asked) _place.HoldBack(asked);
        bool transient = status is 408 or 425 or 429 or 500 or 502 or 503 or 504;
        (SluiceError error, string text, string? hint) = status switch
        {
            401 or 403 => (SluiceError.Unauthorized, $"{what}: access denied{says}", Hint(code)),
            404 => (SluiceError.NotFound, $"{what} does not exist{says}", null),
            416 => (SluiceError.Source, $"{what} ends before the wanted range", "copy it there again"),
            429 => (SluiceError.Source, $"{what}: too many requests{says}", null),
            >= 300 and < 400 => (SluiceError.Source, $"{what}: the server redirects{says}", signer is null ? "name the address that it redirects to" : "check endpoint and region"),
            _ => (SluiceError.Source, $"{what}: status {status}{says}", null),
        };
        return new RegistryFault(error, Name, text, hint, transient, pause) { Status = response.StatusCode };
    }

    private string? Hint(string code) => code switch
    {
        "RequestTimeTooSkewed" => "set this machine's clock",
        "SignatureDoesNotMatch" or "InvalidAccessKeyId" => "check the access key and its secret, the region and the endpoint",
        _ when signer is null => "let everybody on this network read the files",
        _ => "the key needs the right to read the bucket's objects",
    };

    /// <summary>The code of an S3 error, which is XML; empty for other bodies.</summary>
    private static async Task<string> ReadCodeAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        byte[] start = new byte[MessageLimit];
        try
        {
            await using Stream body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            int length = await body.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
            return Code().Match(System.Text.Encoding.UTF8.GetString(start, 0, length)).Groups[1].Value;
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            return "";
        }
    }

    [GeneratedRegex("<Code>([A-Za-z]{1,64})</Code>")]
    private static partial Regex Code();
}
