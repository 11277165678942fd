using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Sluice.Storage.Sources.Extra;

/// <summary>
/// AWS Signature Version 4 in a header. Source: "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference, whose worked
/// example the tests use.
/// </summary>
internal static class SignatureV4
{
    public const string TimeFormat = "yyyyMMdd'T'HHmmss'Z'";

    /// <summary>SHA-256 of nothing.</summary>
    public const string EmptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// <summary>The value of <c>Authorization</c>.</summary>
    /// <param name="path">Escaped as it goes over the line.</param>
    /// <param name="query">Sorted and escaped; empty for none.</param>
    /// <param name="headers">All that are signed: lower-case names in byte order, values trimmed.</param>
    public static string Authorization(
        string method, string path, string query, IReadOnlyList<KeyValuePair<string, string>> headers, string payload, DateTimeOffset time, string region, string service, S3Credentials credentials)
    {
        string date = time.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture);
        string scope = $"{date}/{region}/{service}/aws4_request";
        string names = string.Join(';', headers.Select(header => header.Key));
        string canonical = $"{method}\n{path}\n{query}\n{string.Concat(headers.Select(header => $"{header.Key}:{header.Value}\n"))}\n{names}\n{payload}";
        string toSign = $"AWS4-HMAC-SHA256\n{time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture)}\n{scope}\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        byte[] key = Encoding.UTF8.GetBytes("AWS4" + credentials.SecretKey);
        foreach (string step in (ReadOnlySpan<string>)[date, region, service, "aws4_request"]) key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(step));
        string signature = Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign)));
        return $"AWS4-HMAC-SHA256 Credential={credentials.AccessKey}/{scope},SignedHeaders={names},Signature={signature}";
    }
}
