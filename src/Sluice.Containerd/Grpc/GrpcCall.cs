using Microsoft.AspNetCore.Http;

namespace Sluice.Containerd.Grpc;

/// <summary>What a handler knows about the call that it serves.</summary>
public sealed class GrpcCall
{
    private readonly IHeaderDictionary _headers;

    internal GrpcCall(string path, IHeaderDictionary headers, CancellationToken cancellation)
    {
        Path = path;
        _headers = headers;
        Cancellation = cancellation;
    }

    /// <summary><c>/package.Service/Method</c>.</summary>
    public string Path { get; }

    /// <summary>Fires when the caller gives up, its deadline passes or the server stops.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>A metadata value of the caller, or null.</summary>
    public string? Metadata(string name) => _headers.TryGetValue(name, out Microsoft.Extensions.Primitives.StringValues values) ? (string?)values : null;
}
