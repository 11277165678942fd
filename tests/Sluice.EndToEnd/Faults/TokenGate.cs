using Sluice.Testing;

namespace Sluice.EndToEnd.Faults;

/// <summary>Bearer tokens that are good for six requests or so and say that they last a second.</summary>
internal sealed class TokenGate(Uri realm)
{
    private const int Uses = 6;

    private readonly Lock _gate = new();
    private int _left;

    public int Issued { get; private set; }

    public ProxyResponse Issue(ProxyRequest request)
    {
        lock (_gate)
        {
            Issued++;
            _left = Uses;
            return ProxyResponse.Json($$"""{"token":"tok-{{Issued}}","expires_in":1}""");
        }
    }

    /// <summary>Null lets the request pass.</summary>
    public ProxyResponse? Check(ProxyRequest request)
    {
        lock (_gate)
        {
            if (request.Header("Authorization") == $"Bearer tok-{Issued}" && _left-- > 0) return null;
            return new ProxyResponse(401, []) { Headers = { ["WWW-Authenticate"] = $"Bearer realm=\"{realm}\",service=\"test\",scope=\"repository:app:pull\"" } };
        }
    }
}
