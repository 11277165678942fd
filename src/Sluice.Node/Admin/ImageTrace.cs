using Sluice.Storage.Traces;

namespace Sluice.Node.Admin;

/// <summary>Answer to <c>GET /v1/trace</c>.</summary>
/// <param name="Image">As it was pulled.</param>
/// <param name="Trace">Of its latest start, or what its registry has; with the files of its reads.</param>
/// <param name="Note">Why files are missing; null: they are not.</param>
public sealed record ImageTrace(string Image, StartTrace Trace, string? Note);
