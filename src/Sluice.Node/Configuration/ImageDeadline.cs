using System.IO.Enumeration;

namespace Sluice.Node.Configuration;

/// <summary>How long requests for some images may take.</summary>
/// <param name="Pattern">Of their names; <c>*</c> stands for any text.</param>
public sealed record ImageDeadline(string Pattern, TimeSpan Deadline)
{
    private const string Scheme = "docker://";

    public bool Matches(string reference) => FileSystemName.MatchesSimpleExpression(
        Pattern.Replace("\\", "\\\\", StringComparison.Ordinal), reference.StartsWith(Scheme, StringComparison.Ordinal) ? reference[Scheme.Length..] : reference, ignoreCase: false);
}
