using Sluice.Storage.Activity;

namespace Sluice.Storage.Fetching;

/// <summary>Something on the read path that an operator should know. One for each incident, however many reads it held up.</summary>
/// <param name="Image">What the image is called for which it was done.</param>
/// <param name="Cause">Why the bytes were wanted; null where nothing was to be fetched.</param>
/// <param name="Message">A whole line, with blob and place.</param>
public sealed record FetchEvent(FetchEventKind Kind, string Image, FetchCause? Cause, string Message);

/// <summary>What happened.</summary>
public enum FetchEventKind
{
    /// <summary>Bytes came only after a source had failed.</summary>
    Recovered,

    /// <summary>No source delivered the bytes.</summary>
    Unfetchable,

    /// <summary>A source delivered bytes that are not what their digest says; whether others had the right ones is in the message.</summary>
    WrongBytes,

    /// <summary>The time of a read was over before a source had delivered.</summary>
    DeadlinePassed,

    /// <summary>Stored chunks were not what their digest says; they are fetched again.</summary>
    StoredRot,

    /// <summary>The read path itself failed.</summary>
    Defect,
}
