using System.Globalization;
using System.Text.RegularExpressions;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>Durations as Kubernetes writes them: <c>12h</c>, <c>1h30m0s</c>, <c>0</c>. Source: Go, time.ParseDuration.</summary>
public static partial class GoDuration
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(3650);

    /// <returns>Null for anything else, for negative ones and for those above ten years.</returns>
    public static TimeSpan? Parse(string text)
    {
        if (text == "0") return TimeSpan.Zero;
        if (!Whole().IsMatch(text)) return null;
        double seconds = 0;
        foreach (Match part in Part().Matches(text))
        {
            seconds += double.Parse(part.Groups["number"].ValueSpan, CultureInfo.InvariantCulture) * part.Groups["unit"].Value switch
            {
                "h" => 3600,
                "m" => 60,
                "s" => 1,
                "ms" => 1e-3,
                "ns" => 1e-9,
                _ => 1e-6,
            };
        }

        return seconds <= Longest.TotalSeconds ? TimeSpan.FromSeconds(seconds) : null;
    }

    [GeneratedRegex(@"^(\d{1,9}(\.\d{1,9})?(h|ms|m|s|us|µs|ns))+$", RegexOptions.ExplicitCapture)]
    private static partial Regex Whole();

    [GeneratedRegex(@"(?<number>\d+(\.\d+)?)(?<unit>h|ms|m|s|us|µs|ns)", RegexOptions.ExplicitCapture)]
    private static partial Regex Part();
}
