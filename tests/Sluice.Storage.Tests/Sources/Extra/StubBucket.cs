using System.Globalization;
using Sluice.Storage.Sources.Extra;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources.Extra;

/// <summary>A bucket of an object store that answers only what is signed, over exactly what came over the line.</summary>
internal sealed class StubBucket : IAsyncDisposable
{
    public const string AccessKey = "AKIAEXAMPLE";

    private readonly Dictionary<string, byte[]> _objects = new(StringComparer.Ordinal);

    public StubBucket() => Proxy.Respond = Respond;

    public FaultProxy Proxy { get; } = new();

    public string Secret { get; set; } = "the/secret+key";

    /// <summary>Must come with each request; null: none is wanted.</summary>
    public string? SessionToken { get; set; }

    /// <summary>False: anybody may read.</summary>
    public bool IsPrivate { get; set; } = true;

    public void Put(string path, byte[] content) => _objects[path] = content;

    public ValueTask DisposeAsync() => Proxy.DisposeAsync();

    private ProxyResponse Respond(ProxyRequest request)
    {
        if (IsPrivate && Refusal(request) is { } code) return new ProxyResponse(403, Error(code));
        return _objects.TryGetValue(request.Path, out byte[]? content) ? ProxyResponse.Content(request, content) : new ProxyResponse(404, Error("NoSuchKey"));
    }

    private string? Refusal(ProxyRequest request)
    {
        if (request.Header("Authorization") is not { } authorization) return "AccessDenied";
        if (request.Header("x-amz-security-token") != SessionToken) return "InvalidToken";
        Dictionary<string, string> parts = authorization["AWS4-HMAC-SHA256 ".Length..].Split(',').Select(part => part.Split('=', 2)).ToDictionary(part => part[0], part => part[1], StringComparer.Ordinal);
        string[] scope = parts["Credential"].Split('/');
        if (scope[0] != AccessKey) return "InvalidAccessKeyId";
        DateTimeOffset time = DateTimeOffset.ParseExact(request.Header("x-amz-date")!, SignatureV4.TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
        if ((DateTimeOffset.UtcNow - time).Duration() > TimeSpan.FromMinutes(15)) return "RequestTimeTooSkewed";
        KeyValuePair<string, string>[] headers = [.. parts["SignedHeaders"].Split(';').Select(name => KeyValuePair.Create(name, request.Header(name) ?? ""))];
        if (!headers.Any(header => header.Key == "range")) return "AccessDenied";
        string expected = SignatureV4.Authorization(
            request.Method, request.Path, "", headers, request.Header("x-amz-content-sha256")!, time, scope[2], scope[3], new S3Credentials(AccessKey, Secret, null));
        return expected == authorization ? null : "SignatureDoesNotMatch";
    }

    private static byte[] Error(string code) => System.Text.Encoding.UTF8.GetBytes($"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>");
}
