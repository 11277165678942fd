namespace Sluice.Kernel.Fuse;

/// <summary>
/// What was agreed on at INIT. It holds for the life of the connection, so a successor that adopts the descriptor must be
/// given it: INIT is not repeated.
/// </summary>
/// <param name="Minor">Protocol minor version, 7.x.</param>
/// <param name="Passthrough">Opens of complete disks may bypass the server.</param>
/// <param name="Resend">The kernel can send unanswered requests again (6.9+).</param>
public sealed record FuseSession(int Minor, bool Passthrough, bool Resend);
