using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json;
using System.Text.RegularExpressions;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Registries;

/// <summary>Turns answers and exceptions of the network into errors that name the culprit and what to do. No secret gets into a text.</summary>
internal static partial class RegistryFaults
{
    private const int BodyLimit = 8 << 10;
    private const int MessageLimit = 300;

    /// <summary>For a 429 that does not say how long.</summary>
    private static readonly TimeSpan UnsaidPause = TimeSpan.FromSeconds(1);

    private static readonly string[] MessageFields = ["code", "message", "details"];

    /// <summary>The error that a response means. Reads the response's body, but does not dispose it.</summary>
    /// <param name="what">What was asked for: <c>blob sha256:…</c>, <c>tag 'v1'</c>.</param>
    public static async Task<RegistryFault> FromResponseAsync(RegistryHost host, HttpResponseMessage response, string what, TimeProvider time, CancellationToken cancellation)
    {
        int status = (int)response.StatusCode;
        string says = await ReadMessageAsync(response, cancellation).ConfigureAwait(false);
        (SluiceError error, string text, string? hint) = status switch
        {
            401 => (SluiceError.Unauthorized, $"{what}: login required or refused", LoginHint(host)),
            403 => (SluiceError.Unauthorized, $"{what}: access denied", $"the account may lack the right; {LoginHint(host)}"),
            404 => (SluiceError.NotFound, $"{what} does not exist", (string?)null),
            416 => (SluiceError.Source, $"{what} ends before the wanted range", null),
            429 => (SluiceError.Source, $"{what}: too many requests", "log in for a higher limit, use a mirror, or wait"),
            400 when says.Contains("HTTP request to an HTTPS server", StringComparison.OrdinalIgnoreCase) =>
                (SluiceError.Source, "speaks https, but was asked over http", "leave out --plain-http (the daemon's, for a pull), or describe the host in hosts.toml"),
            >= 300 and < 400 => (SluiceError.Source, $"{what}: unusable redirect (status {status})", null),
            _ => (SluiceError.Source, $"{what}: status {status}", null),
        };
        TimeSpan? pause = RetryAfter(response, time) ?? (status == 429 ? UnsaidPause : null);
        if (status is 429 or 503 && pause is { } asked) host.Place.HoldBack(asked);
        bool transient = status is 408 or 425 or 429 or 500 or 502 or 503 or 504;
        string message = says.Length == 0 ? text : $"{text} ({says})";
        return new RegistryFault(error, host.Name, message, hint, transient, pause) { Status = response.StatusCode };
    }

    /// <summary>The error that a failed transfer means.</summary>
    public static RegistryFault FromException(RegistryHost host, Exception error, string what, string? proxy = null) => FromException(host.Name, host.Api.Scheme, error, what, proxy);

    /// <inheritdoc cref="FromException(RegistryHost, Exception, string, string?)"/>
    /// <param name="culprit">Who was asked.</param>
    /// <param name="scheme">How: http or https.</param>
    /// <param name="proxy">Host and port of the proxy on the way; null: none.</param>
    public static RegistryFault FromException(string culprit, string scheme, Exception error, string what, string? proxy)
    {
        if (error is RegistryFault fault) return fault;
        string? hint = null;
        bool transient = true;
        string message = Redaction.Clean(error.Message);
        if (Find<AuthenticationException>(error) is AuthenticationException tls)
        {
            if (tls.Message.Contains("frame", StringComparison.OrdinalIgnoreCase) || Find<System.ComponentModel.Win32Exception>(error) is not null || scheme == "https" && IsPlainText(error))
            {
                (message, hint, transient) = ("does not speak https", "if it speaks http, use --plain-http (the daemon's, for a pull) or describe the host in hosts.toml", false);
            }
            else
            {
                (message, hint, transient) = ($"certificate not accepted: {tls.Message}", "put its CA into certs.d/HOST:PORT/ca.crt, or name it in hosts.toml", false);
            }
        }
        else if (error is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } && Find<SocketException>(error) is not null)
        {
            (message, hint) = ("the connection broke in the TLS handshake", "if it speaks http, use --plain-http (the daemon's, for a pull) or describe the host in hosts.toml");
        }
        else if (error is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError })
        {
            (message, hint, transient) = ("does not speak https", "if it speaks http, use --plain-http (the daemon's, for a pull) or describe the host in hosts.toml", false);
        }
        else if (error is HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError })
        {
            message = "host name not found";
        }
        else if (Find<SocketException>(error) is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
        {
            (message, hint) = ("connection refused", "is it running, and is the port right?");
        }
        else if (error is HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } && scheme == "http")
        {
            (message, hint) = ("answered with something that is not http", "if it speaks https, leave out --plain-http");
        }

        if (error is HttpRequestException { HttpRequestError: HttpRequestError.ProxyTunnelError })
        {
            (message, hint) = (error.Message, "the proxy must let this host through: ask its operator, or except the host with NO_PROXY or registry.no_proxy");
        }
        else if (proxy is not null)
        {
            (message, hint) = ($"{message} (over the proxy {proxy})", "check the proxy, HTTP_PROXY and HTTPS_PROXY or registry.proxy, and NO_PROXY or registry.no_proxy");
        }

        return new RegistryFault(SluiceError.Source, culprit, what.Length == 0 ? message : $"{what}: {message}", hint, transient, inner: error);
    }

    public static RegistryFault Stalled(RegistryHost host, string what, TimeSpan limit) =>
        new(SluiceError.Timeout, host.Name, $"{what}: nothing came for {limit.TotalSeconds:0.#} s", transient: true);

    /// <summary>Removes what can't be printed and what looks like a credential, and shortens.</summary>
    public static string Clean(string text)
    {
        string printable = new([.. text.Where(c => !char.IsControl(c))]);
        string clean = Secrets().Replace(Redaction.Clean(printable), "${scheme} " + Redaction.Mask).Trim();
        return clean.Length <= MessageLimit ? clean : clean[..MessageLimit] + "…";
    }

    private static string LoginHint(RegistryHost host) => $"log in with 'skopeo login {host.LoginName}' or 'docker login {host.LoginName}'";

    internal static TimeSpan? RetryAfter(HttpResponseMessage response, TimeProvider time)
    {
        if (response.Headers.RetryAfter is not { } header) return null;
        TimeSpan? delay = header.Delta ?? (header.Date - time.GetUtcNow());
        return delay < TimeSpan.Zero ? TimeSpan.Zero : delay;
    }

    private static async Task<string> ReadMessageAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BodyLimit);
        try
        {
            await using Stream body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            int length = await body.ReadAtLeastAsync(buffer.AsMemory(0, BodyLimit), BodyLimit, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
            return Message(buffer.AsSpan(0, length));
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            return "";
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The message of an error body. Source: OCI distribution-spec 1.1, "error codes".</summary>
    private static string Message(ReadOnlySpan<byte> body)
    {
        try
        {
            JsonElement document = JsonElement.Parse(body);
            if (document.ValueKind != JsonValueKind.Object) return "";
            if (document.TryGetProperty("errors", out JsonElement errors) && errors.ValueKind == JsonValueKind.Array && errors.GetArrayLength() > 0) document = errors[0];
            string[] parts = [.. MessageFields.Select(name => Text(document, name)).Where(text => text.Length > 0)];
            return Clean(string.Join(": ", parts));
        }
        catch (JsonException)
        {
            string text = System.Text.Encoding.UTF8.GetString(body);
            return text.StartsWith('<') ? "" : Clean(text);
        }
    }

    private static string Text(JsonElement document, string name) =>
        document.ValueKind == JsonValueKind.Object && document.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static bool IsPlainText(Exception error) => error.ToString().Contains("Cannot determine the frame size", StringComparison.Ordinal);

    private static T? Find<T>(Exception? error)
        where T : Exception
    {
        for (; error is not null; error = error.InnerException)
        {
            if (error is T found) return found;
        }

        return null;
    }

    [GeneratedRegex(@"\b(?<scheme>Bearer|Basic)\s+\S+", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex Secrets();
}
