namespace Sluice.Build.Check;

/// <summary>How two images are compared.</summary>
public sealed record CheckOptions
{
    /// <summary>Compare the trees and the digests that they name, but fetch no chunk to see whether the stored data has these digests.</summary>
    public bool MetadataOnly { get; init; }

    /// <summary>Compare times by the second: nydus-image leaves the fractions out.</summary>
    public bool WholeSeconds { get; init; }

    /// <summary>How many differences are kept; the others are counted.</summary>
    public int MaxDifferences { get; init; } = 100;
}
