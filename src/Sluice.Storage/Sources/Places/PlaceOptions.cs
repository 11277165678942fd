namespace Sluice.Storage.Sources.Places;

/// <summary>How often places are asked and how long those that failed are left alone.</summary>
public sealed record PlaceOptions
{
    /// <summary>Most requests that begin in a second at one place, all images together. 0: no bound.</summary>
    public double RequestsPerSecond { get; init; }

    /// <summary>How long a place that failed is asked last; doubles with each failure after a rest, up to <see cref="LongestRest"/>.</summary>
    public TimeSpan FirstRest { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan LongestRest { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>After a rest one request tries the place; for so long the others still take it for resting.</summary>
    public TimeSpan Probe { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a place is asked last for a blob of which it delivered wrong bytes.</summary>
    public TimeSpan Distrust { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>A place that asks for a longer pause (<c>Retry-After</c>) is asked again after this all the same.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// During a pause that is longer than a container's read may take, one such read in so long asks all the same: it would end in an I/O error otherwise.
    /// What it is answered ends the pause.
    /// </summary>
    public TimeSpan UrgentInterval { get; init; } = TimeSpan.FromSeconds(1);

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
