namespace Sluice.Node.Configuration;

/// <summary>How long requests for some images may take.</summary>
/// <param name="Pattern">Of their names; <c>*</c> stands for any text.</param>
public sealed record ImageDeadline(string Pattern, TimeSpan Deadline)
{
    public bool Matches(string reference) => ImagePattern.Matches(Pattern, reference);
}
