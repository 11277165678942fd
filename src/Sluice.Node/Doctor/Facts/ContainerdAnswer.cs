namespace Sluice.Node.Doctor.Facts;

/// <summary>What containerd says of itself.</summary>
/// <param name="Version">Null: it does not answer.</param>
/// <param name="Error">Why not.</param>
internal sealed record ContainerdAnswer(string? Version, string Error = "");
