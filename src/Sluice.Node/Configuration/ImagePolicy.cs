namespace Sluice.Node.Configuration;

/// <summary>How some images come here.</summary>
/// <param name="Pattern">Of their names; <c>*</c> stands for any text.</param>
public sealed record ImagePolicy(string Pattern, PullPolicy Policy)
{
    public bool Matches(string reference) => ImagePattern.Matches(Pattern, reference);
}
