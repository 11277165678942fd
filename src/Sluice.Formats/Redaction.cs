using System.Text.RegularExpressions;

namespace Sluice.Formats;

/// <summary>
/// Takes out of a text what looks like a secret: the user of a URL, signatures and tokens of query strings and forms, what follows
/// <c>Bearer</c> and <c>Basic</c>, and secret fields of JSON. It is the last line of defence, for texts of others (exceptions of the
/// framework, answers of servers); ours have no secrets in the first place (<see cref="Secret"/>).
/// </summary>
public static partial class Redaction
{
    /// <summary>What stands in the place of a secret.</summary>
    public const string Mask = "***";

    public static string Clean(string text)
    {
        if (!MayHoldSecret(text)) return text;
        text = UserOfUrl().Replace(text, Mask);
        text = QueryValue().Replace(text, "${name}=" + Mask);
        text = Header().Replace(text, "${scheme} " + Mask);
        return JsonField().Replace(text, "\"${name}\"${colon}\"" + Mask + "\"");
    }

    /// <summary>Most texts are nothing for the expressions.</summary>
    private static bool MayHoldSecret(string text) =>
        text.AsSpan().ContainsAny('@', '=', '"') || text.Contains("Bearer", StringComparison.OrdinalIgnoreCase) || text.Contains("Basic", StringComparison.OrdinalIgnoreCase);

    /// <summary>Up to the last @ of the authority: a password may hold one.</summary>
    [GeneratedRegex(@"(?<=://)[^/?#\s""'<>]+(?=@)")]
    private static partial Regex UserOfUrl();

    /// <summary>Names of S3, Google, Azure and CloudFront signatures, and of OAuth2.</summary>
    [GeneratedRegex(
        @"\b(?<name>X-(Amz|Goog|Oss|Cos|Obs)-(Signature|Credential|Security-Token)|x-oss-signature|sig|signature|Key-Pair-Id|AWSAccessKeyId|GoogleAccessId|OSSAccessKeyId|skoid|sktid|(\w+_)?token|passw(or)?d|(client_)?secret|api_?key|assertion)=[^&\s""'<>;,)]+",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex QueryValue();

    /// <summary>Long enough not to be a word.</summary>
    [GeneratedRegex(@"\b(?<scheme>Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{16,}", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex Header();

    [GeneratedRegex(
        @"""(?<name>password|secret|auth|token|access_?token|refresh_?token|identity_?token|registry_?token|authorization)""(?<colon>\s*:\s*)""(\\.|[^""\\])*""",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex JsonField();
}
