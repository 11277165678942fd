using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Sluice.Registry.Http;

/// <summary>One user with one password, by HTTP Basic (RFC 7617).</summary>
internal sealed class BasicAuthentication(string user, string password)
{
    public const string Challenge = "Basic realm=\"sluice registry\", charset=\"UTF-8\"";

    private const string Scheme = "Basic ";

    private readonly byte[] _expected = SHA256.HashData(Encoding.UTF8.GetBytes($"{user}:{password}"));

    /// <summary>Takes the same time for every wrong password.</summary>
    public bool IsAllowed(HttpRequest request)
    {
        string header = request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return false;
        byte[] credentials = new byte[header.Length];
        if (!Convert.TryFromBase64String(header[Scheme.Length..].Trim(), credentials, out int length)) return false;
        return CryptographicOperations.FixedTimeEquals(_expected, SHA256.HashData(credentials.AsSpan(0, length)));
    }
}
