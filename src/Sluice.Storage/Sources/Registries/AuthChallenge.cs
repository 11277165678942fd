using System.Net.Http.Headers;

namespace Sluice.Storage.Sources.Registries;

/// <summary>What a registry asks for in <c>WWW-Authenticate</c>. Sources: RFC 9110 section 11, Docker token authentication.</summary>
/// <param name="Realm">Where tokens are made; null for Basic.</param>
internal sealed record AuthChallenge(bool IsBearer, string? Realm, string? Service, string? Scope, string? Error)
{
    private const int LengthLimit = 8 << 10;

    /// <summary>The best challenge of a response: Bearer before Basic; null if there is none of both.</summary>
    public static AuthChallenge? From(HttpResponseMessage response)
    {
        if (!response.Headers.NonValidated.TryGetValues("WWW-Authenticate", out HeaderStringValues values)) return null;
        AuthChallenge? basic = null;
        foreach (string value in values)
        {
            if (value.Length > LengthLimit) continue;
            foreach (AuthChallenge challenge in Parse(value))
            {
                if (challenge.IsBearer) return challenge;
                basic ??= challenge;
            }
        }

        return basic;
    }

    /// <summary>The challenges of one header line; schemes other than Bearer and Basic are left out.</summary>
    internal static IEnumerable<AuthChallenge> Parse(string header)
    {
        string scheme = "";
        Dictionary<string, string> parameters = new(StringComparer.OrdinalIgnoreCase);
        int at = 0;
        while (at < header.Length)
        {
            at = Skip(header, at, " \t,");
            int start = at;
            while (at < header.Length && !" \t,=".Contains(header[at], StringComparison.Ordinal)) at++;
            string word = header[start..at];
            if (word.Length == 0 && at < header.Length)
            {
                at++;
                continue;
            }

            int next = Skip(header, at, " \t");
            if (next < header.Length && header[next] == '=')
            {
                parameters[word] = ReadValue(header, Skip(header, next + 1, " \t"), out at);
                continue;
            }

            if (Build(scheme, parameters) is { } finished) yield return finished;
            scheme = word;
            parameters.Clear();
        }

        if (Build(scheme, parameters) is { } last) yield return last;
    }

    private static AuthChallenge? Build(string scheme, Dictionary<string, string> parameters)
    {
        if (scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase)) return new AuthChallenge(false, null, null, null, null);
        if (!scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase) || !parameters.TryGetValue("realm", out string? realm)) return null;
        return new AuthChallenge(true, realm, parameters.GetValueOrDefault("service"), parameters.GetValueOrDefault("scope"), parameters.GetValueOrDefault("error"));
    }

    private static int Skip(string text, int at, string characters)
    {
        while (at < text.Length && characters.Contains(text[at], StringComparison.Ordinal)) at++;
        return at;
    }

    private static string ReadValue(string text, int at, out int end)
    {
        if (at >= text.Length || text[at] != '"')
        {
            end = at;
            while (end < text.Length && !" \t,".Contains(text[end], StringComparison.Ordinal)) end++;
            return text[at..end];
        }

        System.Text.StringBuilder value = new();
        for (at++; at < text.Length && text[at] != '"'; at++)
        {
            if (text[at] == '\\' && at + 1 < text.Length) at++;
            value.Append(text[at]);
        }

        end = Math.Min(at + 1, text.Length);
        return value.ToString();
    }
}
