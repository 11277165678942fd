namespace Sluice.Storage.Traces;

/// <summary>One line of a comparison.</summary>
/// <param name="Name">Of the file, or the blob and the offset in it.</param>
/// <param name="Before">In the first trace; null: it did not read it.</param>
/// <param name="After">In the second.</param>
/// <param name="Move">In the order of first reads: below 0, it has come so many places forward among what both read; above 0, it has gone back.</param>
public sealed record TraceChange(string Name, TracePart? Before, TracePart? After, int Move)
{
    /// <summary>Both starts read the same of it, in the same order with the others.</summary>
    public bool IsNone => Move == 0 && Before is { OnlyHere: 0 } && After is { OnlyHere: 0 };
}
