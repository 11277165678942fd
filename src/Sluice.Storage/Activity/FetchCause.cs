namespace Sluice.Storage.Activity;

/// <summary>Why bytes were fetched from a source.</summary>
public enum FetchCause
{
    /// <summary>A read waited for them.</summary>
    Demand,

    /// <summary>They lay beside what a read waited for: small requests take neighbours along, and short gaps are read over.</summary>
    Neighbours,

    /// <summary>A sequential reader was expected to want them next.</summary>
    ReadAhead,

    /// <summary>Bootstraps, indexes and tables, without which nothing can be mounted.</summary>
    Metadata,

    /// <summary>A plan said that a start needs them.</summary>
    Prefetch,

    /// <summary>The rest of an image, when there was nothing better to do.</summary>
    Background,
}
