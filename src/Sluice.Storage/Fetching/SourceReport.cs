using Sluice.Storage.Activity;
using Sluice.Storage.Sources.Places;

namespace Sluice.Storage.Fetching;

/// <summary>One place that the read path has asked: how it does, and what it has done since the process started.</summary>
public sealed record SourceReport(PlaceHealth Health, SourceTotals Totals);
