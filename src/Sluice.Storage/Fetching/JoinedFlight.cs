namespace Sluice.Storage.Fetching;

/// <summary>A flight that a reader waits for, and whether it was started for that reader, so that its failure is final.</summary>
internal readonly record struct JoinedFlight(Flight Flight, bool Created);
