namespace Sluice.EndToEnd.Harness;

/// <summary>Tests that have the machine for themselves: they take all of its processors, or drop its page cache all the time.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
