namespace Sluice.Storage.Activity;

/// <summary>How a source failed a request.</summary>
public enum SourceFailure
{
    /// <summary>It has no such blob, or none that long.</summary>
    Missing,

    /// <summary>It refused the credentials, or wants some.</summary>
    Denied,

    /// <summary>It asked for a pause.</summary>
    Throttled,

    /// <summary>No answer in time.</summary>
    Silent,

    /// <summary>Not reached, broken off, or an answer that is none.</summary>
    Broken,

    /// <summary>Bytes that do not decode or have another digest.</summary>
    Wrong,
}
