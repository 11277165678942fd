using System.Text.RegularExpressions;

namespace Sluice.Registry.Store;

/// <summary>The grammar of repository names and tags. Source: OCI distribution-spec 1.1, "Pulling manifests".</summary>
internal static partial class RepositoryName
{
    /// <summary>Longest name; host and name together stay below the 255 characters that many clients accept.</summary>
    private const int MaxLength = 255;

    public static bool IsValid(string name) => name.Length is > 0 and <= MaxLength && Name().IsMatch(name);

    public static bool IsTag(string tag) => Tag().IsMatch(tag);

    [GeneratedRegex(@"\A[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Name();

    [GeneratedRegex(@"\A[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Tag();
}
