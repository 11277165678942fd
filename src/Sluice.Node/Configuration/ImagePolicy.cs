namespace Sluice.Node.Configuration;

/// <summary>How some images come here.</summary>
/// <param name="Pattern">Of their names; <c>*</c> stands for any text.</param>
/// <param name="Trace">What their starts read is kept, for the next ones.</param>
public sealed record ImagePolicy(string Pattern, PullPolicy Policy, bool Trace = true)
{
    public bool Matches(string reference) => ImagePattern.Matches(Pattern, reference);
}
