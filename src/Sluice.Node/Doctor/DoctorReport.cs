namespace Sluice.Node.Doctor;

/// <summary>What <c>sluice doctor</c> says.</summary>
/// <param name="Checks">How many things were looked at.</param>
/// <param name="DaemonRunning">A daemon answers on the admin socket.</param>
/// <param name="Findings">The worst first.</param>
public sealed record DoctorReport(int Checks, bool DaemonRunning, IReadOnlyList<Finding> Findings)
{
    /// <summary>False if anything has to be mended.</summary>
    public bool IsHealthy => Findings.All(finding => finding.Severity == Severity.Note);
}
