using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

/// <summary>A registry with one read-only repository <c>r</c>, made of a <see cref="FaultProxy"/>; with tokens if wanted.</summary>
internal sealed class StubRegistry : IAsyncDisposable
{
    private readonly FaultProxy _proxy = new();
    private readonly SampleImage _image;

    public StubRegistry(SampleImage image)
    {
        _image = image;
        _proxy.Respond = Respond;
    }

    public FaultProxy Proxy => _proxy;

    /// <summary>The token that is good now; null if none is needed.</summary>
    public string? Token { get; set; }

    public string Realm { get; set; } = "";

    /// <summary>Name and password for Basic authentication, as <c>user:password</c>; null if none is needed.</summary>
    public string? Basic { get; set; }

    /// <summary>Where blobs are; null: here.</summary>
    public Func<ProxyRequest, string?> BlobLocation { get; set; } = _ => null;

    public IImageStore Open(SourceOptions? options = null) => ImageStores.Open(ImageReference.Parse($"{_proxy.Authority}/r"), options ?? Quick);

    public static SourceOptions Quick => new()
    {
        FirstDelay = TimeSpan.FromMilliseconds(1),
        HostDirectories = [],
        AuthFile = "/dev/null",
    };

    /// <summary>For faults that only a stall timeout ends.</summary>
    public static SourceOptions Impatient => Quick with { StallTimeout = TimeSpan.FromMilliseconds(300) };

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();

    private ProxyResponse Respond(ProxyRequest request)
    {
        if (Token is not null && request.Header("Authorization") != $"Bearer {Token}")
        {
            return new ProxyResponse(401, []) { Headers = { ["WWW-Authenticate"] = $"Bearer realm=\"{Realm}\",service=\"stub\",scope=\"repository:r:pull\"" } };
        }

        if (Basic is not null && request.Header("Authorization") != "Basic " + Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(Basic)))
        {
            return new ProxyResponse(401, []) { Headers = { ["WWW-Authenticate"] = "Basic realm=\"stub\"" } };
        }

        if (request.Path == $"/v2/r/blobs/{_image.LayerDescriptor.Digest}")
        {
            return BlobLocation(request) is { } location ? new ProxyResponse(307, []) { Headers = { ["Location"] = location } } : ProxyResponse.Content(request, _image.Layer);
        }

        if (request.Path == "/v2/r/manifests/v1" || request.Path == $"/v2/r/manifests/{_image.Manifest.Digest}")
        {
            return new ProxyResponse(200, _image.Manifest.Content.ToArray()) { Headers = { ["Content-Type"] = MediaTypes.OciManifest } };
        }

        return ProxyResponse.Json("""{"errors":[{"code":"NOT_FOUND","message":"no such thing"}]}""", 404);
    }
}
