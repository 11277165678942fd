namespace Sluice.Testing;

/// <summary>One way in which a registry and what it stands on misbehave, with seeded details.</summary>
/// <param name="Make">A fault for one request.</param>
/// <param name="Reason">What the error says, as an expression, if the fault does not go away; null: it does no harm.</param>
internal sealed record FaultCase(string Name, Func<Random, FaultPlaces, Fault> Make, string? Reason)
{
    /// <summary>What errors of requests say that were given up.</summary>
    public const string Slow = "nothing came|no answer within|nothing within|given up";

    /// <summary>A client may find its way out of it: right bytes are as good as the error.</summary>
    public bool MayDoNoHarm { get; init; }

    /// <summary>True if only a time limit ends it.</summary>
    public bool IsSlow => Reason == Slow;

    public override string ToString() => Name;
}
