using Sluice.Storage.Traces;

namespace Sluice.Node.Admin;

/// <summary>Answer to <c>GET /v1/trace</c>.</summary>
/// <param name="Image">As it was pulled.</param>
/// <param name="Trace">Of its latest start, or what its registry has.</param>
/// <param name="Files">Of each read the file, the first of those that share the chunk; null where it is not known (block images).</param>
public sealed record ImageTrace(string Image, StartTrace Trace, IReadOnlyList<string?> Files);
