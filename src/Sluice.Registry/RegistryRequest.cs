namespace Sluice.Registry;

/// <summary>What a client asked for.</summary>
/// <param name="Path">Path and query.</param>
/// <param name="Range">The Range header, or null.</param>
public sealed record RegistryRequest(string Method, string Path, string? Range);
