namespace Sluice.Storage.Activity;

/// <summary>A request that a source answered.</summary>
/// <param name="At">When it was sent, after the beginning of the start.</param>
/// <param name="Took">Until the last byte.</param>
/// <param name="Bytes">Compressed.</param>
public readonly record struct FetchRecord(TimeSpan At, TimeSpan Took, int Bytes);
