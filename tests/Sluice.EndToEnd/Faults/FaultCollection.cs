namespace Sluice.EndToEnd.Faults;

/// <summary>Fault tests share an image and run one after the other: each of them has the machine's two ends of a stall for itself.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class FaultCollection : ICollectionFixture<FaultImage>
{
    public const string Name = "faults";
}
