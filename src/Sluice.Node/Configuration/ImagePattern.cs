using System.IO.Enumeration;

namespace Sluice.Node.Configuration;

/// <summary>Names of images that a setting is for; <c>*</c> stands for any text.</summary>
internal static class ImagePattern
{
    private const string Scheme = "docker://";

    public static bool Matches(string pattern, string reference) => FileSystemName.MatchesSimpleExpression(
        pattern.Replace("\\", "\\\\", StringComparison.Ordinal), reference.StartsWith(Scheme, StringComparison.Ordinal) ? reference[Scheme.Length..] : reference, ignoreCase: false);
}
