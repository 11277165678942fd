namespace Sluice.Node.Configuration;

/// <summary>How the rest of images that are in use is downloaded.</summary>
public sealed record BackgroundOptions
{
    /// <summary>True: it is.</summary>
    public bool IsOn { get; init; } = true;

    /// <summary>From the mount on; up to twice as long, at random.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>All images together, over the wire; 0: as fast as it goes.</summary>
    public int MaxMegabytesPerSecond { get; init; }
}
