namespace Sluice.Node.Configuration;

/// <summary>How what a start needs is fetched ahead of it.</summary>
public sealed record PrefetchOptions
{
    /// <summary>True: what a start reads is noted, and fetched ahead of the next start of the image.</summary>
    public bool IsOn { get; init; } = true;

    /// <summary>All starts together, over the wire; 0: as fast as it goes.</summary>
    public int MaxMegabytesPerSecond { get; init; }
}
