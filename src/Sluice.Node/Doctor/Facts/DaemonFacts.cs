namespace Sluice.Node.Doctor.Facts;

/// <summary>The daemon that answers on the admin socket.</summary>
/// <param name="Version">As it says; null if it does not say.</param>
internal sealed record DaemonFacts(string? Version);
